using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>
/// The job <c>webhooks</c>: sends the webhooks that are due, those of several tenants at once and one after the other for each tenant: at least once, always
/// with the same webhook-id. No transaction is open while a receiver is called. A sender that is killed after sending and before recording it sends the
/// webhook again, once its claim has expired.
/// </summary>
public sealed class SendWebhooks(ControlDatabase database, SecretBox box, WebhookClient client, Clock clock, ILogger<SendWebhooks> log)
{
    const int Concurrency = 16;

    /// <summary>Longer than a request takes.</summary>
    static readonly TimeSpan ClaimDuration = TimeSpan.FromMinutes(1);

    /// <summary>After it, the rest is left to the next run.</summary>
    static readonly TimeSpan MaxDuration = TimeSpan.FromMinutes(5);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (started, last) = (Stopwatch.GetTimestamp(), Guid.Empty);
        var attempts = await QueueDrain.RunAsync<ClaimedWebhook, WebhookAttempt>(Concurrency, ClaimAsync, webhook => SendAsync(webhook, ct), ct);
        return JobReport.Of(("webhooks", attempts.Count(attempt => attempt.Error is null)), ("webhooks_failed", attempts.Count(attempt => attempt.Error is not null))) with
        { Alerts = [.. attempts.Select(attempt => attempt.Alert).OfType<string>()] };

        // Tenants take turns, so that none waits for the backlog of others.
        async Task<ClaimedWebhook?> ClaimAsync(IReadOnlyCollection<ClaimedWebhook> active)
        {
            var claimed = Stopwatch.GetElapsedTime(started) < MaxDuration ? await ClaimNextAsync(active, last, ct) : null;
            last = claimed?.Tenant ?? last;
            return claimed;
        }
    }

    /// <summary>Queues again what is dead and has an endpoint.</summary>
    /// <returns>Webhooks queued.</returns>
    public async Task<int> RetryDeadAsync(string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var count = await transaction.ExecuteAsync(RetryDead, ct);
        await transaction.ExecuteAsync("select pg_notify('control_job', 'webhooks')", ct);
        await transaction.AuditAsync(clock, tenant: null, actor, "webhooks.retried", new { count }, ct);
        await transaction.CommitAsync(ct);
        return count;
    }

    /// <summary>Decides that a dead webhook is not sent, unless the tenant replays it. It is deleted after its retention.</summary>
    /// <returns>False when no dead webhook has this id.</returns>
    public async Task<bool> DiscardDeadAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.DiscardDeadAsync(DiscardDead, id, clock, actor, "webhook.discarded", ct);
    }

    async Task<ClaimedWebhook?> ClaimNextAsync(IReadOnlyCollection<ClaimedWebhook> active, Guid after, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var claimed = await transaction.FirstAsync(
            Claim,
            row => new ClaimedWebhook(
                row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetFieldValue<byte[]>(4), row.GetInt32(5), row.GetFieldValue<DateTimeOffset>(6)),
            ct, ClaimDuration, active.Select(webhook => webhook.Tenant).ToArray(), after);
        await transaction.CommitAsync(ct);
        return claimed;
    }

    async Task<WebhookAttempt> SendAsync(ClaimedWebhook webhook, CancellationToken ct)
    {
        WebhookAttempt attempt;
        try
        {
            attempt = await PostAsync(webhook, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await WriteAsync(Release, webhook.Id, webhook.ClaimedUntil);
            throw;
        }
        catch (Exception e)
        {
            // The boundary of one webhook: whatever is wrong with it, the others are sent. The tenant sees its error, so the exception's message is only logged.
            log.LogError(e, "Webhook {Webhook} of tenant {Tenant} could not be sent", webhook.Id, webhook.Tenant);
            attempt = e is CryptographicException
                ? new WebhookAttempt(null, "the signing secret cannot be read: remove the endpoint and set it again")
                : new WebhookAttempt(null, "the webhook could not be sent");
            attempt = attempt with { Alert = $"Webhook {webhook.Id} of tenant {webhook.Tenant} failed: {e.GetType().Name}" };
        }

        await WriteAsync(
            RecordAttempt, webhook.Id, webhook.ClaimedUntil, attempt.Error is null, attempt.Status, attempt.Error,
            attempt.Error is not null && webhook.Attempt >= QueueRetries.MaxAttempts);
        return attempt;
    }

    async Task<WebhookAttempt> PostAsync(ClaimedWebhook webhook, CancellationToken ct)
    {
        // The receiver compares the timestamp with its own clock: real time, also in a sandbox.
        var (id, timestamp) = ($"msg_{webhook.Id:N}", clock.Wall.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        var body = Encoding.UTF8.GetBytes(webhook.Payload);
        var signature = WebhookSignature.Sign(WebhookEndpoints.KeyOf(box, webhook.Tenant, webhook.Ciphertext), id, timestamp, body);
        return await client.PostAsync(new Uri(webhook.Url), id, timestamp, signature, body, ct);
    }

    // Also while the process is shutting down: the receiver may have got the webhook already.
    async Task WriteAsync(string sql, params List<object?> args)
    {
        await using var transaction = await database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync(sql, CancellationToken.None, args);
        await transaction.CommitAsync(CancellationToken.None);
    }

    /// <param name="Attempt">1 for the first one.</param>
    /// <param name="ClaimedUntil">After it, another sender may take the webhook.</param>
    sealed record ClaimedWebhook(Guid Id, Guid Tenant, string Payload, string Url, byte[] Ciphertext, int Attempt, DateTimeOffset ClaimedUntil);

    // $1: duration of the claim; $2: tenants that are busy; $3: the tenant whose webhook was claimed last.
    const string Claim = """
        with next as (
            select d.id, e.url, e.ciphertext
            from control.webhook_endpoint e cross join lateral (
                select id from control.webhook_delivery
                where tenant_id = e.tenant_id and delivered_at is null and dead_at is null and next_attempt_at <= now()
                order by next_attempt_at, id limit 1 for update skip locked) d
            where e.tenant_id <> all($2)
            order by e.tenant_id <= $3, e.tenant_id limit 1)
        update control.webhook_delivery d set attempts = attempts + 1, next_attempt_at = now() + $1 from next where d.id = next.id
        returning d.id, tenant_id, payload, next.url, next.ciphertext, attempts, next_attempt_at
        """;

    // Ignored when the tenant has asked for a replay since, or another sender has taken the webhook.
    const string RecordAttempt = $"""
        update control.webhook_delivery
        set delivered_at = case when $3 then now() end, last_status = $4, last_error = $5, dead_at = case when $6 then now() end,
            next_attempt_at = now() + {QueueRetries.Delay}
        where id = $1 and next_attempt_at = $2
        """;

    const string Release = "update control.webhook_delivery set attempts = attempts - 1, next_attempt_at = now() where id = $1 and next_attempt_at = $2";

    const string RetryDead = """
        update control.webhook_delivery d set attempts = 0, dead_at = null, next_attempt_at = now()
        where dead_at is not null and discarded_at is null and exists (select from control.webhook_endpoint e where e.tenant_id = d.tenant_id)
        """;

    const string DiscardDead = """
        update control.webhook_delivery set discarded_at = $2
        where id = $1 and dead_at is not null and discarded_at is null and delivered_at is null returning tenant_id
        """;
}
