using Npgsql;

namespace ControlPlane.Subscriptions;

/// <summary>Which plan a subscription has had, and which it is going to have. Write it under <see cref="SubscriptionLock"/>.</summary>
public static class SubscriptionHistory
{
    /// <summary>By their start; none: the plan has been the same since the anchor.</summary>
    public static Task<List<SubscriptionSegment>> SegmentsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync(SelectSegments, ReadSegment, ct, tenant);

    /// <returns>null: none is scheduled.</returns>
    public static Task<ScheduledChange?> ScheduledChangeAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.FirstAsync(SelectScheduled, ReadScheduled, ct, tenant);

    /// <summary>Lets a segment begin. One that began in the same second is replaced: nothing was used in it.</summary>
    public static async Task StartSegmentAsync(this Transaction transaction, Guid tenant, SubscriptionSegment segment, CancellationToken ct)
    {
        await transaction.ExecuteAsync(InsertFirst, ct, tenant);
        await transaction.ExecuteAsync(
            Insert, ct, tenant, segment.StartsAt, segment.Plan, segment.Agreed.EurPerMonth, segment.Agreed.OverageEurPerThousand, segment.Agreed.TokensPerMonth,
            segment.MinimumEur, Name(segment.Reason));
    }

    public static Task ScheduleAsync(this Transaction transaction, Guid tenant, ScheduledChange change, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Schedule, ct, change.Id, tenant, change.IsCancellation ? "cancellation" : "plan", change.Plan, change.EffectiveOn, change.RequestedBy, change.RequestedAt,
            change.Agreed.EurPerMonth, change.Agreed.OverageEurPerThousand, change.Agreed.TokensPerMonth, change.MinimumEur);

    /// <param name="isApplied">false: it was undone.</param>
    public static Task SettleChangeAsync(this Transaction transaction, Guid tenant, bool isApplied, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.subscription_change set state = $2, settled_at = $3 where tenant_id = $1 and state = 'scheduled'", ct,
            tenant, isApplied ? "applied" : "undone", now);

    internal static SubscriptionSegment ReadSegment(NpgsqlDataReader row) => new(
        row.GetFieldValue<DateTimeOffset>(0), row.Get<string>(1), new AgreedTerms(row.Get<decimal?>(2), row.Get<decimal?>(3), row.Get<long?>(4)),
        row.Get<decimal?>(5), Enum.Parse<SegmentReason>(row.GetString(6), ignoreCase: true));

    internal static ScheduledChange ReadScheduled(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.Get<string>(1), row.GetFieldValue<DateOnly>(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4))
    {
        Agreed = new AgreedTerms(row.Get<decimal?>(5), row.Get<decimal?>(6), row.Get<long?>(7)),
        MinimumEur = row.Get<decimal?>(8),
    };

    static string Name(SegmentReason reason) => reason.ToString().ToLowerInvariant();

    internal const string SelectSegments = """
        select starts_at, plan, agreed_eur_per_month, agreed_overage_eur_per_1000, agreed_tokens_per_month, minimum_eur, reason
        from control.subscription_segment where tenant_id = $1 order by starts_at
        """;

    internal const string SelectScheduled = """
        select id, plan, effective_on, requested_by, requested_at, agreed_eur_per_month, agreed_overage_eur_per_1000, agreed_tokens_per_month, minimum_eur
        from control.subscription_change where tenant_id = $1 and state = 'scheduled'
        """;

    const string InsertFirst = """
        insert into control.subscription_segment (tenant_id, starts_at, plan, agreed_eur_per_month, agreed_overage_eur_per_1000, reason)
        select s.tenant_id, s.anchor::timestamp at time zone 'UTC', s.plan, s.agreed_eur_per_month, s.agreed_overage_eur_per_1000, 'started'
        from control.subscription s
        where s.tenant_id = $1 and not exists (select from control.subscription_segment g where g.tenant_id = $1)
        """;

    const string Insert = """
        insert into control.subscription_segment
            (tenant_id, starts_at, plan, agreed_eur_per_month, agreed_overage_eur_per_1000, agreed_tokens_per_month, minimum_eur, reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (tenant_id, starts_at) do update
        set plan = excluded.plan, agreed_eur_per_month = excluded.agreed_eur_per_month, agreed_overage_eur_per_1000 = excluded.agreed_overage_eur_per_1000,
            agreed_tokens_per_month = excluded.agreed_tokens_per_month, minimum_eur = excluded.minimum_eur, reason = excluded.reason
        """;

    const string Schedule = """
        insert into control.subscription_change
            (id, tenant_id, kind, plan, effective_on, state, requested_by, requested_at, agreed_eur_per_month, agreed_overage_eur_per_1000, agreed_tokens_per_month, minimum_eur)
        values ($1, $2, $3, $4, $5, 'scheduled', $6, $7, $8, $9, $10, $11)
        """;
}
