using System.Text.Json.Serialization;
using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <param name="Id">null when the id could not be read.</param>
public sealed record RejectedEvent(long Index, string? Id, string Code, string Detail);

/// <summary>The outcome of a delivery. Every event in it has one of the four outcomes.</summary>
/// <param name="Queued">Stored, to be counted when the database is available again; omitted from the response when 0.</param>
public sealed record IngestReply(
    long Accepted, long Duplicates, IReadOnlyList<RejectedEvent> Rejected,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Queued = 0)
{
    public IngestReply And(IngestReply other) =>
        new(Accepted + other.Accepted, Duplicates + other.Duplicates, [.. Rejected, .. other.Rejected], Queued + other.Queued);
}

/// <summary>
/// Counts usage events exactly once. Events with their costs, live counters, budgets and quarantined events commit together; a delivery that is
/// repeated, split or sent concurrently has no second effect.
/// </summary>
public sealed class RecordUsage : IAsyncDisposable
{
    /// <summary>Events per transaction at most. A longer delivery is committed in several independent transactions.</summary>
    public const int BatchSize = 5_000;

    /// <summary>Concurrent deliveries of at most this many events share a transaction.</summary>
    const int SmallDelivery = 64;

    readonly ControlDatabase _database;
    readonly Clock _clock;
    readonly RequestBatcher<Delivery, Task<IngestReply>> _batcher;

    public RecordUsage(ControlDatabase database, Clock clock)
    {
        (_database, _clock) = (database, clock);
        _batcher = new RequestBatcher<Delivery, Task<IngestReply>>(CommitSharedAsync, concurrency: 1);
    }

    /// <param name="receivedAt">When the delivery arrived, which decides whether its events are too old; null: now.</param>
    /// <exception cref="NpgsqlException">The database is unavailable. Whole batches may have been counted already; sending everything again is safe.</exception>
    public async Task<IngestReply> RunAsync(Guid tenant, IReadOnlyList<Submission> submissions, CancellationToken ct, DateTimeOffset? receivedAt = null)
    {
        if (submissions.Count <= SmallDelivery)
        {
            return await await _batcher.RunAsync(new Delivery(tenant, submissions, receivedAt ?? _clock.GetUtcNow()), ct);
        }

        var reply = new IngestReply(0, 0, []);
        foreach (var chunk in submissions.Chunk(BatchSize))
        {
            reply = reply.And(await CommitAloneAsync(new Delivery(tenant, chunk, receivedAt ?? _clock.GetUtcNow()), ct));
        }

        return reply;
    }

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    async Task<IReadOnlyList<Task<IngestReply>>> CommitSharedAsync(IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        try
        {
            // A tenant whose lock is held, by invoicing or a large batch, waits in a transaction of its own and does not delay the others.
            var replies = await CommitAsync(deliveries, wait: false, ct);
            return [.. deliveries.Zip(replies, (delivery, reply) => reply is null ? CommitAloneAsync(delivery, ct) : Task.FromResult(reply))];
        }
        catch (PostgresException e) when (deliveries.Count > 1 && !e.IsTransient)
        {
            // One invalid delivery must not fail the whole batch: retry each delivery in its own transaction.
            return [.. deliveries.Select(delivery => CommitAloneAsync(delivery, ct))];
        }
    }

    async Task<IngestReply> CommitAloneAsync(Delivery delivery, CancellationToken ct) => (await CommitAsync([delivery], wait: true, ct))[0]!;

    async Task<IngestReply?[]> CommitAsync(IReadOnlyList<Delivery> deliveries, bool wait, CancellationToken ct)
    {
        var replies = await Retry.OnConflictAsync(() => RunTransactionAsync(deliveries, wait, ct), EnsurePartitionsAsync, ct);
        UsageMetrics.Count([.. replies.OfType<IngestReply>()]);
        return replies;

        // Only for events that can be counted: an event of 1970 or 9999 must not create a partition.
        Task EnsurePartitionsAsync() =>
            UsagePartitions.EnsureAsync(_database, deliveries.SelectMany(d => new UsageBatch([.. d.ReceivedSubmissions()]).Candidates).Select(usage => usage.Day), ct);
    }

    /// <returns>A reply for each delivery; null for tenants whose lock was held by another transaction.</returns>
    async Task<IngestReply?[]> RunTransactionAsync(IReadOnlyList<Delivery> deliveries, bool wait, CancellationToken ct)
    {
        var replies = new IngestReply?[deliveries.Count];
        // In tenant order, as in all code that locks several tenants. Guid compares as PostgreSQL's uuid does.
        var tenants = Enumerable.Range(0, deliveries.Count).GroupBy(index => deliveries[index].Tenant).OrderBy(group => group.Key)
            .Select(group => (Indexes: group.ToList(), Usage: new TenantUsage(
                group.Key, new UsageBatch([.. group.SelectMany(index => deliveries[index].ReceivedSubmissions())])))).ToList();

        await using var transaction = await _database.BeginAnonymousAsync(ct);
        await StoreAsync(transaction, [.. tenants.Select(t => t.Usage)], wait, _clock.GetUtcNow(), ct);
        await transaction.CommitAsync(ct);

        foreach (var (indexes, usage) in tenants.Where(tenant => !tenant.Usage.IsLockedOut))
        {
            var start = 0;
            foreach (var index in indexes)
            {
                var count = deliveries[index].Submissions.Count;
                replies[index] = usage.Batch.Reply(start, count);
                start += count;
            }
        }

        return replies;
    }

    /// <summary>Counts one submission of any age in the caller's transaction, for an operator's replay.</summary>
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
        var unblocked = tenants.Where(tenant => !tenant.IsLockedOut).ToList();
        await transaction.InsertAsync(unblocked, now, ct);
        await transaction.CountAsync(unblocked, ct);
        foreach (var tenant in unblocked)
        {
            await transaction.CompareAsync(tenant, ct);
            await QuarantineTable.HoldAsync(transaction, tenant.Tenant, [.. tenant.Batch.Rejected], _clock, ct);
        }
    }

    sealed record Delivery(Guid Tenant, IReadOnlyList<Submission> Submissions, DateTimeOffset ReceivedAt)
    {
        public IEnumerable<ReceivedSubmission> ReceivedSubmissions() => Submissions.Select(submission => new ReceivedSubmission(submission, ReceivedAt));
    }
}
