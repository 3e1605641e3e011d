namespace ControlPlane.Notifications;

/// <summary>When emails and webhooks are deleted. Emails carry links, addresses and documents in clear.</summary>
public static class NotificationRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Mail, "mails", DeleteMail),
        new(RetentionClasses.Webhooks, "webhooks", DeleteWebhooks),
    ];

    // What may still be sent stays, also if an operator has just asked for it again.
    const string DeleteMail = """
        delete from control.outbox where (sent_at is not null or dead_at is not null) and id in (
            select id from control.outbox where created_at < $1 and (sent_at is not null or dead_at is not null) order by created_at limit $2)
        """;

    const string DeleteWebhooks = """
        delete from control.webhook_delivery where id in (select id from control.webhook_delivery where created_at < $1 order by created_at limit $2)
        """;
}
