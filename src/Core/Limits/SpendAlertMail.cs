using ControlPlane.Notifications.Mail;

namespace ControlPlane.Limits;

/// <summary>The email about a spend limit that usage beyond the plan has nearly or wholly used up.</summary>
static class SpendAlertMail
{
    public static MailMessage Create(ControlPlaneOptions options, BudgetAlert alert, AlertRecipient recipient)
    {
        var language = MailLanguage.Of(recipient.Language);
        var name = MailText.Name(recipient.Organization);
        var (limit, spent, end) = (language.Euro(alert.Maximum / 100m), language.Euro(alert.Used / 100m), language.Day(recipient.PeriodEnd));
        var (subject, paragraphs, button) = (language.Code, alert.Percent) switch
        {
            (MailLanguage.German, >= 100) => (
                "Ihre Ausgabengrenze ist erreicht",
                new[]
                {
                    $"{name} hat die Ausgabengrenze von {limit} für Nutzung über den Tarif hinaus erreicht. Weitere Anfragen werden bis zum {end} abgelehnt.",
                    "Wenn Sie die Grenze erhöhen, werden Anfragen sofort wieder beantwortet.",
                },
                "Grenze ändern"),
            (MailLanguage.German, var percent) => (
                $"{percent} % Ihrer Ausgabengrenze sind erreicht",
                [
                    $"{name} hat {spent} der Ausgabengrenze von {limit} für Nutzung über den Tarif hinaus verbraucht.",
                    $"Ist die Grenze erreicht, werden weitere Anfragen bis zum {end} abgelehnt.",
                ],
                "Grenze ändern"),
            (_, >= 100) => (
                "You have reached your spend limit",
                [
                    $"{name} has used up the spend limit of {limit} for usage beyond the plan. Further calls are denied until {end}.",
                    "If you raise the limit, calls are answered again at once.",
                ],
                "Change the limit"),
            (_, var percent) => (
                $"You have used {percent} % of your spend limit",
                [
                    $"{name} has used {spent} of the spend limit of {limit} for usage beyond the plan.",
                    $"Once the limit is reached, further calls are denied until {end}.",
                ],
                "Change the limit"),
        };
        return new MailContent(language.Code, subject, paragraphs, new MailButton(button, new Uri(options.PublicUrl, "/app/plan")))
            .To(alert.Tenant, alert.MailKey(recipient.Email), recipient.Email);
    }
}
