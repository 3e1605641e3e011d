using System.Globalization;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Provisioning;

/// <summary>What an environment's owner is told about its storage.</summary>
enum StorageNotice { Near, Full, Stopped, Started }

/// <summary>The emails about an environment's storage.</summary>
static class StorageMail
{
    public static MailMessage Create(ControlPlaneOptions options, StoredEnvironment environment, EnvironmentStorage storage, StorageNotice notice, string recipient) => new(
        environment.Tenant, string.Create(CultureInfo.InvariantCulture, $"storage:{environment.Tenant}:{notice}:{storage.StoppedAt ?? storage.MeasuredAt:O}:{recipient}"), recipient,
        Subject(storage, notice),
        $"""
        Hello,

        The environment of {MailText.Name(environment.Organization)} {(IsUnknown(storage, notice) ? "stored" : "stores")} {EnvironmentStorage.Gib(storage.Bytes)} of the {EnvironmentStorage.Gib(storage.AllowedBytes)} that your plan includes{(IsUnknown(storage, notice) ? " when it was last measured" : "")}.

        {Consequence(storage, notice)}

          {options.PublicUrl.GetLeftPart(UriPartial.Authority)}/app/environment

        CFS LLM Platform
        """);

    static string Subject(EnvironmentStorage storage, StorageNotice notice) => notice switch
    {
        StorageNotice.Near => $"You have used {storage.Percent} % of your storage",
        StorageNotice.Full => "Your storage is full",
        StorageNotice.Stopped when IsUnknown(storage, notice) => "Your environment was stopped because its storage cannot be measured",
        StorageNotice.Stopped => "Your environment was stopped because its storage is full",
        _ => "Your environment is being started again",
    };

    static string Consequence(EnvironmentStorage storage, StorageNotice notice) => notice switch
    {
        StorageNotice.Near => """
            Beyond what your plan includes, the environment keeps running for 24 hours and is then stopped. Nothing is deleted.
            Delete chats and files that you no longer need, or reply to this email for a larger plan.
            """,
        StorageNotice.Full => string.Create(CultureInfo.InvariantCulture, $"""
            It will be stopped on {storage.GraceUntil:d MMM yyyy 'at' HH:mm} UTC if it still stores more than that by then, and at once if it stores
            more than {EnvironmentStorage.Gib(storage.GraceBytes ?? 0)}. Nothing is deleted.
            Delete chats and files that you no longer need, or reply to this email for a larger plan.
            """),
        StorageNotice.Stopped when IsUnknown(storage, notice) => """
            Since then it could not be measured, and the disk is almost full: so it has been stopped. Nothing was deleted.
            It starts by itself when it has been measured or the disk has room again.
            """,
        StorageNotice.Stopped => """
            It has been stopped. Nothing was deleted.
            Reply to this email for a larger plan, or for 24 hours in which you can delete what you no longer need.
            """,
        _ => "It fits your plan and is being started.",
    };

    // Stopped although its last figure fits.
    static bool IsUnknown(EnvironmentStorage storage, StorageNotice notice) => notice == StorageNotice.Stopped && !storage.IsOver;
}
