using ControlPlane.Limits;

namespace ControlPlane.Reporting;

/// <summary>What the queues could not deliver in the last seven days, do not try again and no operator has discarded, and the addresses that were suppressed in that time.</summary>
public sealed record DeadDeliveries(long Mail, long Webhooks, long Alerts, long SuppressedAddresses)
{
    public bool IsEmpty => this is { Mail: 0, Webhooks: 0, Alerts: 0, SuppressedAddresses: 0 };
}

/// <summary>An item of a queue that is not tried again unless an operator retries it. Discarded ones are not listed.</summary>
/// <param name="Slug">null: it belongs to no tenant.</param>
/// <param name="Subject">What could not be delivered, and to whom.</param>
public sealed record DeadDelivery(Guid Id, Guid? TenantId, string? Slug, string Subject, int Attempts, string? LastError, DateTimeOffset DeadAt);

public static class DeadDeliveryViews
{
    /// <summary>The queues: the names of the jobs that drain them.</summary>
    public static IReadOnlyList<string> Queues { get; } = [JobSchedules.Mail.Name, JobSchedules.Webhooks.Name, JobSchedules.Alerts.Name];

    public static async Task<DeadDeliveries> DeadDeliveriesAsync(this Transaction transaction, DateTimeOffset now, CancellationToken ct) =>
        (await transaction.FirstAsync(Counts, row => new DeadDeliveries(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)), ct, now))!;

    /// <param name="queue">One of <see cref="Queues"/>.</param>
    /// <param name="cursor">Id of the last item of the former page; null: from the newest on.</param>
    /// <returns>Newest first; alerts in no particular order.</returns>
    public static Task<List<DeadDelivery>> DeadDeliveriesAsync(this Transaction transaction, string queue, Guid? cursor, int limit, CancellationToken ct) =>
        transaction.QueryAsync(
            $"""
            select q.id, q.tenant_id, t.slug, q.subject, q.attempts, q.last_error, q.dead_at
            from ({(queue == JobSchedules.Mail.Name ? Mail : queue == JobSchedules.Webhooks.Name ? Webhooks : Alerts)}) q left join control.tenant t on t.id = q.tenant_id
            where $1::uuid is null or q.id < $1 order by q.id desc limit $2
            """,
            row => new DeadDelivery(
                row.GetGuid(0), row.Get<Guid?>(1), row.Get<string>(2), row.GetString(3), row.GetInt32(4), row.Get<string>(5), row.GetFieldValue<DateTimeOffset>(6)),
            ct, cursor, limit);

    // Mail to a suppressed address is not listed: the suppression is.
    const string Mail = """
        select id, tenant_id, subject || ' to ' || recipient as subject, attempts, last_error, dead_at from control.outbox
        where dead_at is not null and discarded_at is null and sent_at is null
          and not exists (select from control.mail_suppression where address = lower(recipient))
        """;

    const string Webhooks = """
        select id, tenant_id, type as subject, attempts, last_error, dead_at from control.webhook_delivery
        where dead_at is not null and discarded_at is null and delivered_at is null
        """;

    const string Alerts = $"""
        select {BudgetAlert.Id} as id, tenant_id,
               percent || ' % of ' || meter || ', ' || span || ' from ' || starts as subject, attempts, last_error, dead_at
        from control.budget_alert where dead_at is not null and discarded_at is null and announced_at is null
        """;

    const string Counts = $"""
        select (select count(*) from ({Mail}) q where dead_at > now() - interval '7 days'),
               (select count(*) from ({Webhooks}) q where dead_at > now() - interval '7 days'),
               (select count(*) from ({Alerts}) q where dead_at > now() - interval '7 days'),
               (select count(*) from control.mail_suppression where created_at > $1::timestamptz - interval '7 days')
        """;
}
