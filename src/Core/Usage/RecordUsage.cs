using System.Text.Json.Serialization;
using ControlPlane.Budgets;
using ControlPlane.Database;
using ControlPlane.Operations;
using ControlPlane.Plans;
using Npgsql;

namespace ControlPlane.Usage;

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
/// Counts usage events exactly once. The receipt, the event with its cost, the live counters and what goes to quarantine
/// commit together; a delivery that is repeated, split up or raced changes nothing the second time.
/// </summary>
public sealed class RecordUsage(ControlDatabase database, Clock clock)
{
    /// <summary>Events in one transaction. A longer delivery takes several; each commit stands on its own.</summary>
    public const int BatchSize = 5_000;

    /// <param name="receivedAt">What waited is as old as it was when it came in; null: now.</param>
    /// <exception cref="NpgsqlException">The database is away. Whole batches may have been counted already; sending all again is safe.</exception>
    public async Task<IngestReply> RunAsync(Guid tenant, IReadOnlyList<Submission> submissions, CancellationToken ct, DateTimeOffset? receivedAt = null)
    {
        var accepted = 0L;
        var duplicates = 0L;
        var rejected = new List<RejectedEvent>();
        foreach (var chunk in submissions.Chunk(BatchSize))
        {
            var batch = await Retry.OnConflictAsync(() => CommitAsync(tenant, chunk, receivedAt, ct), EnsurePartitionsAsync, ct);
            accepted += batch.Accepted.Count;
            duplicates += batch.Duplicates;
            rejected.AddRange(batch.Rejected.Select(r => new RejectedEvent(r.Index, r.Id, r.Rejection!.Code, r.Rejection.Detail)));

            Task EnsurePartitionsAsync() => UsagePartitions.EnsureAsync(database, chunk.Select(s => s.Event?.Day).OfType<DateOnly>(), ct);
        }

        UsageMetrics.Count(accepted, duplicates, rejected);
        return new IngestReply(accepted, duplicates, rejected);
    }

    async Task<UsageBatch> CommitAsync(Guid tenant, IReadOnlyList<Submission> submissions, DateTimeOffset? receivedAt, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var batch = await RecordAsync(transaction, tenant, submissions, anyAge: false, ct, receivedAt);
        await transaction.CommitAsync(ct);
        return batch;
    }

    /// <summary>Records a batch inside an open transaction of the tenant, or of a job.</summary>
    /// <param name="anyAge">An operator's replay: events older than <see cref="UsageBatch.MaximumAge"/> are counted too.</param>
    internal async Task<UsageBatch> RecordAsync(
        Transaction transaction, Guid tenant, IReadOnlyList<Submission> submissions, bool anyAge, CancellationToken ct, DateTimeOffset? receivedAt = null)
    {
        var now = clock.GetUtcNow();
        var batch = new UsageBatch(submissions, receivedAt ?? now, anyAge);
        if (batch.Candidates.Count > 0)
        {
            await transaction.ExecuteAsync(BillingLock.Shared, ct, tenant);
            var subscription = await transaction.SubscriptionAsync(tenant, ct);
            var prices = await ModelPrices.ReadAsync(transaction, batch.Candidates.Select(c => c.Event!.Model), ct);
            batch.Price(prices, subscription);
            await InsertAsync(transaction, tenant, batch, subscription, now, ct);
            await CompareWithReceiptsAsync(transaction, tenant, batch, ct);
        }

        await Quarantine.HoldAsync(transaction, tenant, batch.Rejected, receivedAt ?? now, clock, ct);
        return batch;
    }

    static async Task InsertAsync(
        Transaction transaction, Guid tenant, UsageBatch batch, Subscription? subscription, DateTimeOffset now, CancellationToken ct)
    {
        // Sorted, so that two deliveries with common events wait for each other instead of dead-locking.
        var events = batch.Priced.OrderBy(p => p.Event.Id, StringComparer.Ordinal).ToList();
        if (events.Count == 0)
        {
            return;
        }

        var fresh = await transaction.QueryAsync(
            Insert, row => row.GetString(0), ct, tenant, now,
            Column(e => e.Event.Id), Column(e => e.Event.Digest()), Column(e => e.Event.OccurredAt), Column(e => e.Event.User), Column(e => e.Event.Session),
            Column(e => e.Event.Model), Column(e => e.Event.PromptTokens), Column(e => e.Event.CompletionTokens), Column(e => e.Cost),
            Column(e => subscription!.PeriodOf(e.Event.OccurredAt)), Column(e => e.Event.ReservationId), Column(e => e.Event.Feature),
            Column(e => e.Event.Quantity), Column(e => e.Event.Day),
            Column(e => BillingPeriod.Containing(subscription!.Anchor, e.Event.Day).Start));
        batch.Accept(fresh);

        T[] Column<T>(Func<PricedEvent, T> value) => events.Select(value).ToArray();
    }

    // A statement of its own: only a new snapshot shows receipts that another delivery committed while ours waited for it.
    static async Task CompareWithReceiptsAsync(Transaction transaction, Guid tenant, UsageBatch batch, CancellationToken ct)
    {
        if (batch.NotFresh.Count == 0)
        {
            return;
        }

        var digests = await transaction.QueryAsync(
            "select id, digest from control.usage_receipt where tenant_id = $1 and id = any($2)",
            row => (Id: row.GetString(0), Digest: row.GetFieldValue<byte[]>(1)), ct, tenant, batch.NotFresh.Select(s => s.Event!.Id).ToArray());
        batch.Compare(digests.ToDictionary(d => d.Id, d => d.Digest, StringComparer.Ordinal));
    }

    // Receipts first, then counters, then budgets, each in the order of their keys: the same lock order in every transaction.
    const string Insert = $"""
        with input as (
            select * from unnest($3::text[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],
                                 $11::numeric[], $12::int[], $13::uuid[], $14::text[], $15::bigint[], $16::date[], $17::date[])
                as t (id, digest, occurred_at, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period, reservation_id, feature,
                      quantity, day, period_start)
        ), fresh as (
            insert into control.usage_receipt (tenant_id, id, digest) select $1, id, digest from input on conflict do nothing returning id
        ), counted as (
            select input.* from input join fresh using (id)
        ), events as (
            insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, session_id, model, prompt_tokens, completion_tokens,
                                             cost, period, reservation_id, feature, quantity)
            select $1, id, occurred_at, $2, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period, reservation_id, feature, quantity
            from counted
        ), counters as (
            insert into control.usage_counter as c (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            select $1, day, model, user_id, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost)
            from counted group by day, model, user_id order by day, model, user_id
            on conflict (tenant_id, day, model, user_id) do update set
                requests = c.requests + excluded.requests, prompt_tokens = c.prompt_tokens + excluded.prompt_tokens,
                completion_tokens = c.completion_tokens + excluded.completion_tokens, cost = c.cost + excluded.cost
        ), {BudgetSql.CountAndSettle}
        select id from fresh
        """;
}
