using System.Globalization;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Limits;

/// <param name="Language">Of the tenant.</param>
/// <param name="PeriodEnd">Exclusive: of the billing period, for an alert of one.</param>
sealed record AlertRecipient(string Email, string Organization, string Language, DateOnly PeriodEnd);

/// <summary>The email about a reached alert threshold.</summary>
static class AlertMail
{
    public static MailMessage Create(ControlPlaneOptions options, BudgetAlert alert, AlertRecipient recipient)
    {
        var limit = alert.Limit switch
        {
            "tokens_per_day" => "your daily token limit",
            "tokens_per_month" => "your token limit for this billing period",
            "rag_files" => "your RAG file limit",
            "web_searches_per_month" => "your web search limit for this billing period",
            _ => "your image limit for this billing period",
        };
        var body = string.Create(CultureInfo.InvariantCulture, $"""
            Hello,

            {MailText.Name(recipient.Organization)} has used {alert.Used:N0} of {alert.Maximum:N0}: {alert.Percent} % of {limit}.

            {Consequence(alert)}

            View your usage: {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app

            CFS LLM Platform
            """);
        return new MailMessage(
            alert.Tenant, alert.MailKey(recipient.Email), recipient.Email, $"You have used {alert.Percent} % of {limit}", body);
    }

    static string Consequence(BudgetAlert alert) => (alert.Hard, alert.Percent >= 100, alert.Span) switch
    {
        (false, false, _) => "Usage beyond the limit is billed as overage.",
        (false, true, _) => "Further usage is billed as overage.",
        (true, false, "ever") => "Once the limit is reached, no more can be added.",
        (true, true, "ever") => "No more can be added.",
        (true, false, "day") => "Once the limit is reached, calls are denied until 00:00 UTC.",
        (true, true, "day") => "Calls are denied until 00:00 UTC.",
        (true, false, _) => "Once the limit is reached, calls are denied until the next billing period.",
        (true, true, _) => "Calls are denied until the next billing period.",
    };
}
