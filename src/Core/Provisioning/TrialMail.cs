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

        var organization = MailText.Name(trial.Organization);
        (string Subject, string Text)? mail = end.Stage switch
        {
            TrialStage.Reminded => ($"Your trial ends on {Day(endsAt)}", $"""
                The trial of {organization} ends on {Time(endsAt)}. From then on calls are denied.
                The environment {trial.Address} is stopped on {Day(end.StopsAt!.Value)} and kept until {Day(deletesAt)}.
                Then it is deleted with all chats, files and accounts in it.
                """),
            TrialStage.Ended => ("Your trial has ended", $"""
                The trial of {organization} has ended, and calls are denied. To keep a copy of chats, export them now:
                the environment {trial.Address} is stopped on {Day(end.StopsAt!.Value)}. It is kept until {Day(deletesAt)}.
                Then it is deleted with all chats, files and accounts in it.
                """),
            TrialStage.Warned => ($"Your environment will be deleted on {Day(deletesAt)}", $"""
                The trial of {organization} ended on {Day(endsAt)}. On {Time(deletesAt)} the environment {trial.Address} is deleted
                with all chats, files and accounts in it, and access to the portal ends. This cannot be undone.
                """),
            _ => null,
        };
        return mail is not { } written ? null : new MailMessage(
            trial.Tenant, string.Create(CultureInfo.InvariantCulture, $"trial:{trial.Tenant}:{end.Stage}:{endsAt:O}:{recipient}"), recipient, written.Subject, $"""
            Hello,

            {written.Text}

            To keep everything, switch to another plan before that day. How to switch:
            {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app

            CFS LLM Platform
            """);
    }

    static string Day(DateTimeOffset at) => at.ToUniversalTime().ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    static string Time(DateTimeOffset at) => at.ToUniversalTime().ToString("d MMMM yyyy 'at' HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
