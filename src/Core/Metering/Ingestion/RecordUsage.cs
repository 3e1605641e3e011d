using System.Collections.Concurrent;
using ControlPlane.Limits;
using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// Counts usage events exactly once. Events with their costs, live counters, budgets and quarantined events commit together; a delivery that is
/// repeated, split or sent concurrently has no second effect.
/// </summary>
/// <remarks>
/// Concurrent small deliveries share a transaction that waits for no tenant's locks. Whatever may have to wait, a large delivery or one of a tenant whose lock
/// is held, runs in a transaction of its own tenant. There small deliveries do not queue behind large ones: the lock lets both in by turns.
/// </remarks>
public sealed class RecordUsage : IAsyncDisposable
{
    /// <summary>Events per transaction at most. A longer delivery is committed in several independent transactions.</summary>
    public const int BatchSize = 5_000;

    /// <summary>Events of a small delivery at most.</summary>
    const int SmallDelivery = 64;

    /// <summary>Few, because every delivery of a shared transaction waits for all of them.</summary>
    const int SharedDeliveries = 32;

    /// <summary>Transactions of one tenant at the same time that may wait for its lock, in all processes together.</summary>
    const int PlacesPerTenant = 8;

    const int MaxTenants = 8, MaxSmallDeliveriesPerTenant = 512, MaxLargeBytesPerTenant = 32 * 1024 * 1024;

    /// <summary>Waits that cannot be foreseen, such as for a row that an operator's request has locked.</summary>
    static readonly TimeSpan SharedLockTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>Both together are shorter than the timeout of <see cref="DatabaseCircuit"/>, so that a locked tenant is not taken for a slow database.</summary>
    internal static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(4), QueueTimeout = TimeSpan.FromSeconds(8);

    static readonly TimeSpan OverQuotaInterval = TimeSpan.FromMinutes(1);

    readonly ControlDatabase _database;
    readonly Clock _clock;
    readonly QuarantineQuota? _quota;
    readonly UsageQuota? _usageQuota;
    // Tenants that have used up their quota, and until when that need not be looked up again: a tenant's plan may change.
    readonly ConcurrentDictionary<Guid, DateTimeOffset> _overQuota = new();
    readonly RequestBatcher<Delivery, IngestReply?> _shared;
    readonly TenantBulkhead<Delivery, Task<IngestReply>> _small;
    readonly TenantBulkhead<Delivery, IngestReply> _large;

    /// <param name="quota">null: unlimited.</param>
    /// <param name="usageQuota">null: unlimited.</param>
    public RecordUsage(ControlDatabase database, Clock clock, QuarantineQuota? quota = null, UsageQuota? usageQuota = null)
    {
        (_database, _clock, _quota, _usageQuota) = (database, clock, quota, usageQuota);
        _shared = new(CommitSharedAsync, SharedDeliveries, fairBy: delivery => delivery.Tenant);
        _small = new((_, deliveries, ct) => CommitSmallAsync(deliveries, ct), MaxSmallDeliveriesPerTenant, MaxTenants, MaxSmallDeliveriesPerTenant, QueueTimeout);
        _large = new(async (_, deliveries, ct) => [await CommitAloneAsync(deliveries[0], ct)], maxBatchSize: 1, MaxTenants, MaxLargeBytesPerTenant, QueueTimeout, delivery => delivery.Bytes);
    }

    /// <param name="receivedAt">When the delivery arrived, which decides whether its events are too old; null: now.</param>
    /// <param name="isAcknowledged">The sender does not have the events any more: quarantine keeps them up to <see cref="QuarantineQuota.ForAcknowledged"/>.</param>
    /// <exception cref="NpgsqlException">The database is unavailable. Whole batches may have been counted already; sending everything again is safe.</exception>
    /// <exception cref="TenantBusyException">The tenant's lock was held for too long, or too many of its deliveries are waiting, or its quota of the day is used up. As
    /// above.</exception>
    public async Task<IngestReply> RunAsync(
        Guid tenant, IReadOnlyList<Submission> submissions, CancellationToken ct, DateTimeOffset? receivedAt = null, bool isAcknowledged = false)
    {
        ThrowIfOverQuota(tenant, isAcknowledged);
        if (submissions.Count <= SmallDelivery)
        {
            return await RunSmallAsync(new Delivery(tenant, submissions, receivedAt ?? _clock.GetUtcNow(), isAcknowledged), ct);
        }

        var reply = new IngestReply(0, 0, []);
        foreach (var chunk in submissions.Chunk(BatchSize))
        {
            reply = reply.And(await _large.RunAsync(tenant, new Delivery(tenant, chunk, receivedAt ?? _clock.GetUtcNow(), isAcknowledged), ct));
        }

        return reply;
    }

    public async ValueTask DisposeAsync()
    {
        await _shared.DisposeAsync();
        await _small.DisposeAsync();
        await _large.DisposeAsync();
    }

    async Task<IngestReply> RunSmallAsync(Delivery delivery, CancellationToken ct)
    {
        // While others of the tenant wait, the shared transaction would only find it locked again.
        return !_small.IsInUseBy(delivery.Tenant) && await _shared.RunAsync(delivery, ct) is { } reply
            ? reply
            : await await _small.RunAsync(delivery.Tenant, delivery, ct);
    }

    /// <returns>null for a delivery that has to be committed apart from those of other tenants.</returns>
    async Task<IReadOnlyList<IngestReply?>> CommitSharedAsync(IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        try
        {
            return await CommitAsync(deliveries, wait: false, ct);
        }
        catch (PostgresException e) when (!e.IsTransient || e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.ConfigurationLimitExceeded)
        {
            // One delivery that is invalid, meets a locked row or needs too much must not fail the whole batch.
            return new IngestReply?[deliveries.Count];
        }
    }

    async Task<IReadOnlyList<Task<IngestReply>>> CommitSmallAsync(IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        try
        {
            return [.. (await CommitAsync(deliveries, wait: true, ct)).Select(reply => Task.FromResult(reply!))];
        }
        catch (Exception e) when (deliveries.Count > 1 && e is TenantBusyException or PostgresException { IsTransient: false })
        {
            // As above, and those that are acknowledged are counted beyond the quota. One after the other, because the tenant's lock allows no more.
            var replies = new List<Task<IngestReply>>();
            foreach (var delivery in deliveries)
            {
                replies.Add(CommitAloneAsync(delivery, ct));
                await ((Task)replies[^1]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            return replies;
        }
    }

    void ThrowIfOverQuota(Guid tenant, bool isAcknowledged)
    {
        if (!isAcknowledged && _overQuota.TryGetValue(tenant, out var until) && _clock.GetUtcNow() is var now && now < until)
        {
            throw UsageReceived.QuotaReached(now);
        }
    }

    async Task<IngestReply> CommitAloneAsync(Delivery delivery, CancellationToken ct)
    {
        ThrowIfOverQuota(delivery.Tenant, delivery.IsAcknowledged);
        try
        {
            return (await CommitAsync([delivery], wait: true, ct))[0]!;
        }
        catch (PostgresException e) when (TenantBusyException.Of(e) is { } busy)
        {
            // The bulkhead translates only what fails a whole batch.
            throw busy;
        }
    }

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

        await using var transaction = await _database.BeginAnonymousAsync(ct, wait ? LockTimeout : SharedLockTimeout);
        if (wait)
        {
            await transaction.SendAsync(tenants.Select(tenant => Transaction.TakePlace(tenant.Usage.Tenant, "usage", PlacesPerTenant)), ct);
        }

        await StoreAsync(transaction, [.. tenants.Select(t => t.Usage)], wait, _quota, _usageQuota, _clock.GetUtcNow(), ct);
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
        await StoreAsync(transaction, [usage], wait: true, quota: null, usageQuota: null, now, ct);
        return usage.Batch;
    }

    async Task StoreAsync(
        Transaction transaction, IReadOnlyList<TenantUsage> tenants, bool wait, QuarantineQuota? quota, UsageQuota? usageQuota, DateTimeOffset now, CancellationToken ct)
    {
        await transaction.PriceAsync(tenants, wait, usageQuota, now, ct);
        foreach (var tenant in tenants.Where(tenant => tenant.IsOverQuota && !tenant.IsLockedOut && !tenant.Batch.IsAcknowledged))
        {
            if (wait)
            {
                var tomorrow = new DateTimeOffset(now.UtcDateTime.Date.AddDays(1), TimeSpan.Zero);
                _overQuota[tenant.Tenant] = tomorrow < now + OverQuotaInterval ? tomorrow : now + OverQuotaInterval;
                throw UsageReceived.QuotaReached(now);
            }

            // In its own transaction, where each of its deliveries gets its answer.
            tenant.IsLockedOut = true;
        }

        // Quarantine is measured against its quota, which takes longer the fuller it is: not in a transaction that other tenants share.
        foreach (var tenant in tenants.Where(tenant => !wait && tenant.Batch.Rejected.Any()))
        {
            tenant.IsLockedOut = true;
        }

        var unblocked = tenants.Where(tenant => !tenant.IsLockedOut).ToList();
        await transaction.InsertAsync(unblocked, now, ct);
        foreach (var tenant in unblocked)
        {
            await transaction.CompareAsync(tenant, now, ct);
            tenant.Batch.ReturnToSender(await QuarantineTable.HoldAsync(transaction, tenant.Tenant, [.. tenant.Batch.Rejected], quota, _clock, ct));
        }

        // Last, because authorizations of these tenants wait from here until the commit.
        await transaction.CountAsync(unblocked, now, ct);
    }

    sealed record Delivery(Guid Tenant, IReadOnlyList<Submission> Submissions, DateTimeOffset ReceivedAt, bool IsAcknowledged)
    {
        /// <summary>Of the raw text.</summary>
        public int Bytes => Submissions.Sum(submission => submission.Utf8.Length);

        public IEnumerable<ReceivedSubmission> ReceivedSubmissions() => Submissions.Select(submission => new ReceivedSubmission(submission, ReceivedAt, IsAcknowledged));
    }
}
