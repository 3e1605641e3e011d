using System.Globalization;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Limits;

/// <summary>The mail that tells of an alert.</summary>
static class AlertMail
{
    public static MailMessage Of(ControlPlaneOptions options, BudgetAlert alert, string organization, string recipient)
    {
        var what = alert.Limit switch
        {
            "tokens_per_day" => "today's tokens",
            "tokens_per_month" => "this billing period's tokens",
            "rag_files" => "your RAG files",
            "web_searches_per_month" => "this billing period's web searches",
            _ => "this billing period's images",
        };
        var body = string.Create(CultureInfo.InvariantCulture, $"""
            Hello,

            {organization} has used {alert.Used:N0} of {alert.Maximum:N0}: {alert.Percent} % of {what}.

            {Consequence(alert)}

            Where you stand: {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app

            CFS LLM Platform
            """);
        return new MailMessage(
            alert.Tenant, $"budget:{alert.Tenant}:{alert.Meter}:{alert.Span}:{alert.Starts:yyyy-MM-dd}:{alert.Percent}:{recipient}", recipient,
            $"{alert.Percent} % of {what} are used", body);
    }

    static string Consequence(BudgetAlert alert) => (alert.Hard, alert.Percent >= 100, alert.Span) switch
    {
        (false, false, _) => "When they are used up calls go on, and are billed as overage.",
        (false, true, _) => "Calls go on, and are billed as overage from here on.",
        (true, false, "ever") => "When they are used up no more can be added.",
        (true, true, "ever") => "No more can be added.",
        (true, false, "day") => "When they are used up calls are denied until 00:00 UTC.",
        (true, true, "day") => "Calls are denied until 00:00 UTC.",
        (true, false, _) => "When they are used up calls are denied until the next billing period.",
        (true, true, _) => "Calls are denied until the next billing period.",
    };
}
