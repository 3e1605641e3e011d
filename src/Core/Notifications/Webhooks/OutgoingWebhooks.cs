using System.Text.Json;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>Queues webhooks in the transaction of the change they report. The job <c>webhooks</c> sends them after the commit.</summary>
public static class OutgoingWebhooks
{
    /// <summary>Does nothing for a tenant without an endpoint.</summary>
    /// <param name="type">Dotted, past tense: <c>budget.threshold_reached</c>.</param>
    /// <param name="data">Sent in snake_case, in the envelope <c>{type, timestamp, data}</c>.</param>
    public static Task EnqueueWebhookAsync(
        this Transaction transaction, TimeProvider clock, Guid tenant, string type, object data, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Insert, ct, Ids.New(clock), tenant, type, JsonSerializer.Serialize(new { type, timestamp = clock.GetUtcNow(), data }, Json), clock.GetUtcNow());

    static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    // Listening hosts are notified when, and only when, the transaction commits.
    const string Insert = """
        with queued as (
            insert into control.webhook_delivery (id, tenant_id, type, payload, created_at)
            select $1, $2, $3, $4, $5 from control.webhook_endpoint where tenant_id = $2 returning 1)
        select pg_notify('control_job', 'webhooks') from queued
        """;
}
