namespace ControlPlane.Notifications;

/// <summary>When emails and webhooks are deleted. Emails carry links, addresses and documents in clear.</summary>
public static class NotificationRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Mail, "mails", DeleteMail),
        new(RetentionClasses.Webhooks, "webhooks", DeleteWebhooks),
        new(RetentionClasses.Tenants, "mails", DeleteMailOfDeleted),
        new(RetentionClasses.Tenants, "webhooks", DeleteWebhooksOfDeleted),
        new(RetentionClasses.Tenants, "webhook_endpoints", DeleteEndpointsOfDeleted),
    ];

    // What may still be sent stays, also if an operator has just asked for it again.
    const string DeleteMail = """
        delete from control.outbox where (sent_at is not null or dead_at is not null) and id in (
            select id from control.outbox where created_at < $1 and (sent_at is not null or dead_at is not null) order by created_at limit $2)
        """;

    const string DeleteMailOfDeleted = $"""
        delete from control.outbox where id in (select o.id from control.outbox o where o.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteWebhooksOfDeleted = $"""
        delete from control.webhook_delivery where id in (select w.id from control.webhook_delivery w where w.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteEndpointsOfDeleted = $"""
        delete from control.webhook_endpoint where tenant_id in (select w.tenant_id from control.webhook_endpoint w where w.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteWebhooks = """
        delete from control.webhook_delivery where id in (select id from control.webhook_delivery where created_at < $1 order by created_at limit $2)
        """;
}
