using ControlPlane.Catalog;
using Npgsql;

namespace ControlPlane.Subscriptions;

/// <param name="OpenPeriod">Number of the first period without an invoice: the one that late usage is billed in.</param>
public sealed record Subscription(
    Guid Tenant, string Plan, string Status, DateTimeOffset StartedAt, DateOnly Anchor, DateTimeOffset? TrialEndsAt, int OpenPeriod,
    decimal? AgreedEurPerMonth, decimal? AgreedOverageEurPerThousand)
{
    /// <summary>When the tenant was deleted; null: it was not.</summary>
    public DateTimeOffset? TenantDeletedAt { get; init; }

    public Access Access { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    /// <summary>cancelled, unpaid or deleted; null: it has not ended, or before this was recorded.</summary>
    public string? EndReason { get; init; }
    /// <summary>When the customer was last told that the environment will be deleted.</summary>
    public DateTimeOffset? ClosingToldAt { get; init; }
    /// <summary>EUR of overage in a period; null: no limit.</summary>
    public decimal? SpendLimitEur { get; init; }
    /// <summary>The start of the period that <see cref="AllowanceTokens"/> is for, because its plan changed within it; null: none.</summary>
    public DateOnly? AllowanceOf { get; init; }
    public long? AllowanceTokens { get; init; }
    /// <summary>EUR that the overage of that period had cost before the change.</summary>
    public decimal SpentEur { get; init; }

    /// <summary>The day after the last one: the end of the period in which the tenant was deleted. null: no end is known.</summary>
    public DateOnly? EndsOn => TenantDeletedAt is { } deletedAt
        ? BillingPeriod.Containing(Anchor, DateOnly.FromDateTime(deletedAt.UtcDateTime)).End
        : null;

    /// <summary>Whether an invoice follows that can carry an event of this day.</summary>
    public bool CanInvoice(DateOnly day) => Status == "active" && (EndsOn is not { } end || day < end);

    /// <summary>The period an event belongs to: its own, or the open one when its own has been invoiced.</summary>
    public int PeriodOf(DateTimeOffset occurredAt) =>
        Math.Max(OpenPeriod, BillingPeriod.Containing(Anchor, DateOnly.FromDateTime(occurredAt.UtcDateTime)).Number);
}

/// <summary>The only writer of <c>control.subscription</c>.</summary>
public static class SubscriptionTable
{
    /// <summary>Starts the tenant's subscription now; its periods are anchored on today's UTC day. Idempotent.</summary>
    public static Task StartSubscriptionAsync(
        this Transaction transaction, Guid tenant, Plan plan, AgreedTerms? agreed, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Insert, ct, tenant, plan.Name, now, DateOnly.FromDateTime(now.UtcDateTime),
            plan.TrialDays is { } days ? now.AddDays(days) : null, agreed?.EurPerMonth, agreed?.OverageEurPerThousand);

    /// <summary>
    /// Extends a trial by the time from the subscription's start until now, in which its environment was not ready yet. Other subscriptions stay as they are. Call it once.
    /// </summary>
    public static Task BeginTrialAsync(this Transaction transaction, Guid tenant, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync(BeginTrial, ct, tenant, now);

    /// <returns>null before the tenant's email address is verified.</returns>
    public static Task<Subscription?> SubscriptionAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} where tenant_id = $1", Read, ct, tenant);

    /// <summary>Opens the next period after the open one was invoiced. Call it under <see cref="BillingLock.Acquire"/>.</summary>
    public static Task OpenNextPeriodAsync(this Transaction transaction, Guid tenant, int invoiced, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.subscription set open_period = open_period + 1 where tenant_id = $1 and open_period = $2", ct, tenant, invoiced);

    /// <summary>Ends the subscription: no period follows.</summary>
    /// <param name="reason">cancelled, unpaid or deleted, unless one is known already.</param>
    public static Task EndSubscriptionAsync(this Transaction transaction, Guid tenant, string reason, DateTimeOffset at, CancellationToken ct) =>
        transaction.ExecuteAsync(End, ct, tenant, reason, at);

    /// <summary>Records that the subscription is being ended because it was not paid for. Its last period is still closed.</summary>
    public static Task MarkUnpaidAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.subscription set end_reason = 'unpaid', access = 'none' where tenant_id = $1 and end_reason is null", ct, tenant);

    /// <summary>Records that the customer was told that the environment will be deleted.</summary>
    public static Task MarkClosingToldAsync(this Transaction transaction, Guid tenant, DateTimeOffset at, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.subscription set closing_told_at = $2 where tenant_id = $1", ct, tenant, at);

    /// <summary>Puts another plan in force.</summary>
    /// <param name="change">What it does to the allowance of the period; null: the period begins with it.</param>
    public static Task SetPlanAsync(
        this Transaction transaction, Guid tenant, string plan, AgreedTerms agreed, BillingPeriod period, ChangedAllowance? change, CancellationToken ct) =>
        transaction.ExecuteAsync(
            SetPlan, ct, tenant, plan, agreed.EurPerMonth, agreed.OverageEurPerThousand, change is null ? null : period.Start, change?.Tokens, change?.SpentEur ?? 0);

    /// <summary>Lets a subscription that has ended begin again in the period of <paramref name="period"/>.</summary>
    public static Task ReopenAsync(this Transaction transaction, Guid tenant, BillingPeriod period, CancellationToken ct) =>
        transaction.ExecuteAsync(Reopen, ct, tenant, period.Number);

    /// <summary>Stores what follows from the stages of the periods.</summary>
    /// <param name="isOverageStopped">Nothing beyond the allowance is allowed.</param>
    /// <param name="dueAt">When the billing cycle has something to do; null: never, unless something changes.</param>
    public static Task SetBillingAsync(this Transaction transaction, Guid tenant, Access access, bool isOverageStopped, DateTimeOffset? dueAt, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.subscription set access = $2, billing_due_at = coalesce($3::timestamptz, 'infinity'), overage_stopped = $4 where tenant_id = $1", ct,
            tenant, access.Stored(), dueAt, isOverageStopped);

    /// <summary>Lets the billing cycle look at the subscription again, because a fact may have changed what it has to do.</summary>
    public static Task BillingIsDueAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.subscription set billing_due_at = '-infinity' where tenant_id = $1", ct, tenant);

    internal static Subscription Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3), row.GetFieldValue<DateOnly>(4),
        row.Get<DateTimeOffset?>(5), row.GetInt32(6), row.Get<decimal?>(7), row.Get<decimal?>(8))
    {
        TenantDeletedAt = row.Get<DateTimeOffset?>(9),
        Access = AccessNames.Parse(row.GetString(10)),
        EndedAt = row.Get<DateTimeOffset?>(11),
        EndReason = row.Get<string>(12),
        SpendLimitEur = row.Get<decimal?>(13),
        AllowanceOf = row.Get<DateOnly?>(14),
        AllowanceTokens = row.Get<long?>(15),
        SpentEur = row.GetDecimal(16),
        ClosingToldAt = row.Get<DateTimeOffset?>(17),
    };

    internal const string Select = """
        select tenant_id, plan, status, started_at, anchor, trial_ends_at, open_period, agreed_eur_per_month, agreed_overage_eur_per_1000,
               (select coalesce(t.deletion_requested_at, t.deleted_at) from control.tenant t where t.id = tenant_id and t.is_deleted),
               access, ended_at, end_reason, spend_limit_eur, allowance_of, allowance_tokens, spent_eur, closing_told_at
        from control.subscription
        """;

    // In seconds: an interval of days would depend on the session's time zone.
    const string BeginTrial = """
        update control.subscription set trial_ends_at = trial_ends_at + make_interval(secs => extract(epoch from greatest($2 - started_at, interval '0'))::double precision)
        where tenant_id = $1 and status = 'active' and trial_ends_at is not null
        """;

    const string End = """
        update control.subscription
        set status = 'ended', ended_at = $3, end_reason = coalesce(end_reason, $2), access = 'none', billing_due_at = '-infinity'
        where tenant_id = $1 and status = 'active'
        """;

    const string SetPlan = """
        update control.subscription
        set plan = $2, agreed_eur_per_month = $3, agreed_overage_eur_per_1000 = $4, trial_ends_at = null, allowance_of = $5, allowance_tokens = $6, spent_eur = $7,
            billing_due_at = '-infinity'
        where tenant_id = $1
        """;

    const string Reopen = """
        update control.subscription
        set status = 'active', open_period = greatest(open_period, $2), ended_at = null, end_reason = null, access = 'full', billing_due_at = '-infinity'
        where tenant_id = $1 and status = 'ended'
        """;

    const string Insert = """
        insert into control.subscription
            (tenant_id, plan, status, started_at, anchor, trial_ends_at, agreed_eur_per_month, agreed_overage_eur_per_1000)
        values ($1, $2, 'active', $3, $4, $5, $6, $7) on conflict do nothing
        """;
}
