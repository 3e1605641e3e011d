using System.Text.Json.Serialization;
using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <param name="Id">null when not even the id could be read.</param>
public sealed record RejectedEvent(long Index, string? Id, string Code, string Detail);

/// <summary>What became of a delivery. Every event in it is one of the four.</summary>
/// <param name="Queued">Kept to be counted once the database is back; left out of the answer when none are.</param>
public sealed record IngestReply(
    long Accepted, long Duplicates, IReadOnlyList<RejectedEvent> Rejected,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Queued = 0)
{
    public IngestReply And(IngestReply other) =>
        new(Accepted + other.Accepted, Duplicates + other.Duplicates, [.. Rejected, .. other.Rejected], Queued + other.Queued);
}

/// <summary>
/// Counts usage events exactly once. The event with its cost, the live counters, the budgets and what goes to quarantine
/// commit together; a delivery that is repeated, split up or raced changes nothing the second time.
/// </summary>
public sealed class RecordUsage : IAsyncDisposable
{
    /// <summary>Events in one transaction. A longer delivery takes several; each commit stands on its own.</summary>
    public const int BatchSize = 5_000;

    /// <summary>Deliveries of at most this many events share a transaction with others that come at the same time.</summary>
    const int SmallDelivery = 64;

    readonly ControlDatabase _database;
    readonly Clock _clock;
    readonly RequestBatcher<Delivery, Task<IngestReply>> _shared;

    public RecordUsage(ControlDatabase database, Clock clock)
    {
        (_database, _clock) = (database, clock);
        _shared = new RequestBatcher<Delivery, Task<IngestReply>>(CommitSharedAsync, concurrency: 1);
    }

    /// <param name="receivedAt">What waited is as old as it was when it came in; null: now.</param>
    /// <exception cref="NpgsqlException">The database is away. Whole batches may have been counted already; sending all again is safe.</exception>
    public async Task<IngestReply> RunAsync(Guid tenant, IReadOnlyList<Submission> submissions, CancellationToken ct, DateTimeOffset? receivedAt = null)
    {
        if (submissions.Count <= SmallDelivery)
        {
            return await await _shared.RunAsync(new Delivery(tenant, submissions, receivedAt ?? _clock.GetUtcNow()), ct);
        }

        var reply = new IngestReply(0, 0, []);
        foreach (var chunk in submissions.Chunk(BatchSize))
        {
            reply = reply.And(await CommitAloneAsync(new Delivery(tenant, chunk, receivedAt ?? _clock.GetUtcNow()), ct));
        }

        return reply;
    }

    public ValueTask DisposeAsync() => _shared.DisposeAsync();

    async Task<IReadOnlyList<Task<IngestReply>>> CommitSharedAsync(IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        try
        {
            // A tenant that is just being invoiced, or delivers a large batch, waits by itself and holds up nobody.
            var replies = await CommitAsync(deliveries, wait: false, ct);
            return [.. deliveries.Zip(replies, (delivery, reply) => reply is null ? CommitAloneAsync(delivery, ct) : Task.FromResult(reply))];
        }
        catch (PostgresException e) when (deliveries.Count > 1 && !e.IsTransient)
        {
            // What the database refuses in one delivery must not be the others' misfortune.
            return [.. deliveries.Select(delivery => CommitAloneAsync(delivery, ct))];
        }
    }

    async Task<IngestReply> CommitAloneAsync(Delivery delivery, CancellationToken ct) => (await CommitAsync([delivery], wait: true, ct))[0]!;

    async Task<IngestReply?[]> CommitAsync(IReadOnlyList<Delivery> deliveries, bool wait, CancellationToken ct)
    {
        var replies = await Retry.OnConflictAsync(() => TransactAsync(deliveries, wait, ct), EnsurePartitionsAsync, ct);
        UsageMetrics.Count([.. replies.OfType<IngestReply>()]);
        return replies;

        // Of what may be counted: an event of 1970 or 9999 beside it needs none, and gets none.
        Task EnsurePartitionsAsync() =>
            UsagePartitions.EnsureAsync(_database, deliveries.SelectMany(d => new UsageBatch([.. d.Received()]).Candidates).Select(usage => usage.Day), ct);
    }

    /// <returns>A reply for each delivery; null for those of tenants that were locked out.</returns>
    async Task<IngestReply?[]> TransactAsync(IReadOnlyList<Delivery> deliveries, bool wait, CancellationToken ct)
    {
        var replies = new IngestReply?[deliveries.Count];
        // In the order of tenants, as everyone who locks several: Guid compares as PostgreSQL's uuid does.
        var tenants = Enumerable.Range(0, deliveries.Count).GroupBy(place => deliveries[place].Tenant).OrderBy(group => group.Key)
            .Select(group => (Places: group.ToList(), Usage: new TenantUsage(
                group.Key, new UsageBatch([.. group.SelectMany(place => deliveries[place].Received())])))).ToList();

        await using var transaction = await _database.BeginAnonymousAsync(ct);
        await StoreAsync(transaction, [.. tenants.Select(t => t.Usage)], wait, _clock.GetUtcNow(), ct);
        await transaction.CommitAsync(ct);

        foreach (var (places, usage) in tenants.Where(tenant => !tenant.Usage.IsLockedOut))
        {
            var start = 0;
            foreach (var place in places)
            {
                var count = deliveries[place].Submissions.Count;
                replies[place] = usage.Batch.Reply(start, count);
                start += count;
            }
        }

        return replies;
    }

    /// <summary>Counts one submission inside a job's transaction: an operator's replay, of any age.</summary>
    internal async Task<UsageBatch> ReplayAsync(Transaction transaction, Guid tenant, Submission submission, CancellationToken ct)
    {
        var now = _clock.GetUtcNow();
        var usage = new TenantUsage(tenant, new UsageBatch([new(submission, now)], anyAge: true));
        await StoreAsync(transaction, [usage], wait: true, now, ct);
        return usage.Batch;
    }

    async Task StoreAsync(Transaction transaction, IReadOnlyList<TenantUsage> tenants, bool wait, DateTimeOffset now, CancellationToken ct)
    {
        await transaction.PriceAsync(tenants, wait, ct);
        var present = tenants.Where(tenant => !tenant.IsLockedOut).ToList();
        await transaction.InsertAsync(present, now, ct);
        await transaction.CountAsync(present, ct);
        foreach (var tenant in present)
        {
            await transaction.CompareAsync(tenant, ct);
            await QuarantineTable.HoldAsync(transaction, tenant.Tenant, [.. tenant.Batch.Rejected], _clock, ct);
        }
    }

    sealed record Delivery(Guid Tenant, IReadOnlyList<Submission> Submissions, DateTimeOffset ReceivedAt)
    {
        public IEnumerable<ReceivedSubmission> Received() => Submissions.Select(submission => new ReceivedSubmission(submission, ReceivedAt));
    }
}
