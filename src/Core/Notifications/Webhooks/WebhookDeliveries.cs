namespace ControlPlane.Notifications.Webhooks;

/// <summary>One webhook and its delivery status.</summary>
/// <param name="State"><c>pending</c>, <c>delivered</c> or <c>given_up</c>.</param>
/// <param name="LastStatus">HTTP status of the last attempt; null without a response.</param>
public sealed record WebhookDelivery(
    Guid Id, string Type, DateTimeOffset CreatedAt, string State, int Attempts, int? LastStatus, string? LastError, DateTimeOffset? DeliveredAt);

/// <summary>Lists a tenant's webhooks and sends one again.</summary>
public sealed class WebhookDeliveries(ControlDatabase database, Clock clock)
{
    /// <returns>Newest first.</returns>
    public async Task<IReadOnlyList<WebhookDelivery>> ListAsync(Guid tenant, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.QueryAsync(
            Select,
            row => new WebhookDelivery(
                row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.GetString(3), row.GetInt32(4), row.Get<int?>(5), row.Get<string>(6),
                row.Get<DateTimeOffset?>(7)),
            ct, tenant, limit);
    }

    /// <summary>Queues a webhook to be sent again with the same webhook-id, delivered or not.</summary>
    /// <returns>False when there is no such delivery.</returns>
    public async Task<bool> ReplayAsync(Guid tenant, Guid id, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.ScalarAsync<bool>(Requeue, ct, tenant, id) is false)
        {
            return false;
        }

        await transaction.AuditAsync(clock, tenant, actor, "webhook.replayed", new { id }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    const string Select = """
        select id, type, created_at, case when delivered_at is not null then 'delivered' when dead_at is not null then 'given_up' else 'pending' end,
               attempts, last_status, last_error, delivered_at
        from control.webhook_delivery where tenant_id = $1 order by id desc limit $2
        """;

    const string Requeue = """
        with requeued as (
            update control.webhook_delivery set attempts = 0, delivered_at = null, dead_at = null, discarded_at = null, next_attempt_at = now()
            where tenant_id = $1 and id = $2 returning 1)
        select true from requeued, pg_notify('control_job', 'webhooks')
        """;
}
