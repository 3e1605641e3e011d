using System.Globalization;
using System.Text;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>
/// Sends the webhooks that are due: at least once, always with the same webhook-id. Each is sent while its row is locked, so no two senders send
/// the same one at once. A sender killed before its commit sends the webhook again.
/// </summary>
public sealed class SendWebhooks(ControlDatabase database, SecretBox box, WebhookClient client, Clock clock)
{
    /// <summary>About half a day of attempts: after 1, 2, 4, … minutes, then once an hour.</summary>
    public const int MaxAttempts = 20;

    /// <summary>Several, so that one slow receiver does not delay the others.</summary>
    const int Concurrency = 4;

    /// <summary>Per run, which delays the mail of the next one.</summary>
    const int MaxPerRun = 40;

    static readonly TimeSpan RetentionPeriod = TimeSpan.FromDays(30);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (left, delivered, failed) = (MaxPerRun, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, Concurrency).Select(_ => SendAsync()));
        return JobReport.Of(("webhooks", delivered), ("webhooks_failed", failed));

        async Task SendAsync()
        {
            while (Interlocked.Decrement(ref left) >= 0 && await SendOneAsync(ct) is { } error)
            {
                Interlocked.Increment(ref error.Length == 0 ? ref delivered : ref failed);
            }
        }
    }

    /// <summary>Deletes deliveries older than 30 days, delivered or not.</summary>
    public async Task<long> PurgeAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var purged = await transaction.ExecuteAsync("delete from control.webhook_delivery where created_at < $1", ct, clock.GetUtcNow() - RetentionPeriod);
        await transaction.CommitAsync(ct);
        return purged;
    }

    /// <returns>Why delivery failed, empty when it succeeded; null when nothing is due.</returns>
    async Task<string?> SendOneAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.FirstAsync(
            LockNext, row => new Due(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetFieldValue<byte[]>(4)), ct, MaxAttempts) is not { } due)
        {
            return null;
        }

        // The receiver compares the timestamp with its own clock: real time, also in a sandbox.
        var (id, timestamp, body) = ($"msg_{due.Id:N}", clock.Wall.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), Encoding.UTF8.GetBytes(due.Payload));
        var signature = WebhookSignature.Sign(WebhookEndpoints.KeyOf(box, due.Tenant, due.Ciphertext), id, timestamp, body);
        var attempt = await client.PostAsync(new Uri(due.Url), id, timestamp, signature, body, ct);
        await transaction.ExecuteAsync(RecordAttempt, ct, due.Id, attempt.Error is null, attempt.Status, attempt.Error);
        await transaction.CommitAsync(ct);
        return attempt.Error ?? "";
    }

    sealed record Due(Guid Id, Guid Tenant, string Payload, string Url, byte[] Ciphertext);

    const string LockNext = """
        select d.id, d.tenant_id, d.payload, e.url, e.ciphertext
        from control.webhook_delivery d join control.webhook_endpoint e on e.tenant_id = d.tenant_id
        where d.delivered_at is null and d.attempts < $1 and d.next_attempt_at <= now()
        order by d.next_attempt_at, d.id limit 1 for update of d skip locked
        """;

    const string RecordAttempt = """
        update control.webhook_delivery set attempts = attempts + 1, delivered_at = case when $2 then now() end, last_status = $3, last_error = $4,
            next_attempt_at = now() + make_interval(mins => least(60, 2 ^ attempts)::int)
        where id = $1
        """;
}
