using System.Globalization;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Provisioning;

/// <summary>The emails about the end of a trial.</summary>
static class TrialMail
{
    /// <param name="trial">With the stage that begins now.</param>
    /// <returns>null when no email belongs to that stage.</returns>
    public static MailMessage? Create(ControlPlaneOptions options, EndingTrial trial, string recipient, TimeSpan retention)
    {
        if (trial.End is not { EndsAt: { } endsAt } end || end.DeletesAt(retention) is not { } deletesAt)
        {
            return null;
        }

        var language = MailLanguage.Of(trial.Language);
        var organization = MailText.Name(trial.Organization);
        var text = language.Code == MailLanguage.German
            ? German(end, organization, trial.Address, endsAt, deletesAt, language)
            : English(end, organization, trial.Address, endsAt, deletesAt, language);
        return text is not var (subject, paragraphs) ? null
            : new MailContent(
                language.Code, subject, paragraphs,
                new MailButton(language.Code == MailLanguage.German ? "Tarif wählen" : "Choose a plan", new Uri(options.PublicUrl, "/app/plan")))
            .To(trial.Tenant, string.Create(CultureInfo.InvariantCulture, $"trial:{trial.Tenant}:{end.Stage}:{endsAt:O}:{recipient}"), recipient);
    }

    static (string Subject, string[] Paragraphs)? English(
        TrialEnd end, string organization, string address, DateTimeOffset endsAt, DateTimeOffset deletesAt, MailLanguage l) => end.Stage switch
        {
            TrialStage.Reminded => ($"Your trial ends on {l.Day(endsAt)}",
            [
                $"The trial of {organization} ends on {l.Time(endsAt)}. From then on calls are denied.",
                $"The environment {address} is stopped on {l.Day(end.StopsAt!.Value)} and kept until {l.Day(deletesAt)}. Then it is deleted with all chats, files and accounts in it.",
                "Choose a plan, and everything goes on without a break.",
            ]),
            TrialStage.Ended => ("Your trial has ended",
            [
                $"The trial of {organization} has ended, and calls are denied. Choose a plan, and they are answered again at once.",
                $"If you do not need the environment {address} any longer, export your chats now: it is stopped on {l.Day(end.StopsAt!.Value)} and kept until {l.Day(deletesAt)}. "
                    + "Then it is deleted with all chats, files and accounts in it.",
            ]),
            TrialStage.Warned => ($"Your environment will be deleted on {l.Day(deletesAt)}",
            [
                $"The trial of {organization} ended on {l.Day(endsAt)}.",
                $"On {l.Time(deletesAt)} the environment {address} is deleted with all chats, files and accounts in it, and access to the portal ends. This cannot be undone.",
                "To keep everything, choose a plan before that day.",
            ]),
            _ => null,
        };

    static (string Subject, string[] Paragraphs)? German(
        TrialEnd end, string organization, string address, DateTimeOffset endsAt, DateTimeOffset deletesAt, MailLanguage l) => end.Stage switch
        {
            TrialStage.Reminded => ($"Ihr Testzeitraum endet am {l.Day(endsAt)}",
            [
                $"Der Testzeitraum von {organization} endet am {l.Time(endsAt)}. Ab dann werden Anfragen abgelehnt.",
                $"Die Umgebung {address} wird am {l.Day(end.StopsAt!.Value)} angehalten und bis zum {l.Day(deletesAt)} aufbewahrt. Dann wird sie mit allen Chats, Dateien und Konten darin gelöscht.",
                "Wenn Sie einen Tarif wählen, geht alles ohne Unterbrechung weiter.",
            ]),
            TrialStage.Ended => ("Ihr Testzeitraum ist beendet",
            [
                $"Der Testzeitraum von {organization} ist beendet, und Anfragen werden abgelehnt. Wenn Sie einen Tarif wählen, werden sie sofort wieder beantwortet.",
                $"Wenn Sie die Umgebung {address} nicht mehr brauchen, exportieren Sie Ihre Chats jetzt: Sie wird am {l.Day(end.StopsAt!.Value)} angehalten und bis zum {l.Day(deletesAt)} "
                    + "aufbewahrt. Dann wird sie mit allen Chats, Dateien und Konten darin gelöscht.",
            ]),
            TrialStage.Warned => ($"Ihre Umgebung wird am {l.Day(deletesAt)} gelöscht",
            [
                $"Der Testzeitraum von {organization} endete am {l.Day(endsAt)}.",
                $"Am {l.Time(deletesAt)} wird die Umgebung {address} mit allen Chats, Dateien und Konten darin gelöscht, und der Zugang zum Portal endet. Das lässt sich nicht rückgängig machen.",
                "Wenn Sie alles behalten möchten, wählen Sie vorher einen Tarif.",
            ]),
            _ => null,
        };
}
