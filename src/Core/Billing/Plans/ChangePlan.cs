using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Credits;
using ControlPlane.Billing.Cycle;
using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Taxes;
using ControlPlane.Catalog;
using ControlPlane.Limits;
using ControlPlane.Provisioning;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Plans;

/// <summary>What a change of plan costs: what is shown before it is confirmed, and what is billed.</summary>
/// <param name="EffectiveAt">At once, or the end of the period. Confirm an immediate change with it, so that the amounts stay those that were shown.</param>
/// <param name="ThisPeriod">The invoice of the period as it stands with the change; null: there is none, as in a trial.</param>
/// <param name="NextPeriod">That of a whole period with the new plan, without usage.</param>
/// <param name="AllowanceTokens">Tokens of this period up to which nothing more is charged; null: unlimited, or the change is at the end of the period.</param>
public sealed record PlanChange(Plan From, Plan To, DateTimeOffset EffectiveAt, bool IsNow, Invoice? ThisPeriod, Invoice? NextPeriod, long? AllowanceTokens);

/// <summary>A plan that an operator has agreed with a customer.</summary>
/// <param name="MinimumEur">What a whole period costs at least.</param>
public sealed record AgreedPlan(AgreedTerms Terms, decimal? MinimumEur)
{
    /// <returns>What is wrong, by the names of the API's fields; empty: nothing.</returns>
    public FieldErrors Validate()
    {
        var errors = new FieldErrors();
        Check("price_eur_per_month", Terms.EurPerMonth, 2);
        Check("overage_eur_per_1000", Terms.OverageEurPerThousand, 6);
        Check("minimum_eur", MinimumEur, 2);
        errors.Check("tokens_per_month", Terms.TokensPerMonth is < 0 ? "Enter 0 or more tokens." : null);
        errors.Check("minimum_eur", MinimumEur == 0 ? "Leave it out: no minimum." : null);
        return errors;

        void Check(string field, decimal? value, int decimals) => errors.Check(
            field, value is null || (value >= 0 && value < 1_000_000 && decimal.Round(value.Value, decimals) == value) ? null : $"Enter 0 or more, with at most {decimals} decimals.");
    }
}

public abstract record ChangePlanResult
{
    /// <summary>Done at once, or scheduled for the end of the period.</summary>
    public sealed record Accepted(PlanChange Change) : ChangePlanResult;
    /// <summary>The subscription keeps its plan: the change that was scheduled is undone.</summary>
    public sealed record Undone(string Plan) : ChangePlanResult;
    /// <summary>What was shown no longer holds.</summary>
    public sealed record Outdated(PlanChange Change) : ChangePlanResult;
    /// <summary>An invoice needs these fields of the organization.</summary>
    public sealed record AddressMissing(FieldErrors Errors) : ChangePlanResult;
    public sealed record NotAllowed(string Why) : ChangePlanResult;
    /// <summary>The coupon is not valid; nothing was changed.</summary>
    /// <param name="Why">A sentence for the customer.</param>
    public sealed record CouponRefused(string Why) : ChangePlanResult;
    /// <summary>There is no subscription, or no such plan.</summary>
    public sealed record NotFound : ChangePlanResult;
}

/// <summary>
/// Changes a subscription's plan: to a higher one at once, with its share of price and allowance to the second; to a lower one at the end of the period. Who
/// asks for the present plan undoes what was scheduled. A subscription that was cancelled begins again.
/// </summary>
public sealed class ChangePlan(
    ControlDatabase database, Clock clock, ControlPlaneOptions options, AdvanceSubscription advance, WriteInvoice writeInvoice, RedeemCoupon redeem, CycleMails mails)
{
    /// <summary>How long amounts that were shown can be confirmed.</summary>
    public static readonly TimeSpan ValidFor = TimeSpan.FromMinutes(10);

    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>What the change would cost now, without making it.</summary>
    /// <param name="coupon">As if it were redeemed with the change.</param>
    public Task<ChangePlanResult> PreviewAsync(Guid tenant, string plan, CancellationToken ct, AgreedPlan? agreed = null, string? coupon = null) =>
        RunAsync(tenant, plan, shownAt: null, actor: null, coupon, agreed, ct);

    /// <param name="shownAt">The <see cref="PlanChange.EffectiveAt"/> that was shown; null: whatever it costs.</param>
    /// <param name="agreed">By an operator, who may also choose plans that members cannot; null: a member's own change.</param>
    /// <param name="coupon">Redeemed with the change: both are done, or neither.</param>
    public Task<ChangePlanResult> RunAsync(
        Guid tenant, string plan, DateTimeOffset? shownAt, string actor, CancellationToken ct, AgreedPlan? agreed = null, string? coupon = null) =>
        RunAsync(tenant, plan, shownAt, actor, coupon, agreed, ct);

    async Task<ChangePlanResult> RunAsync(
        Guid tenant, string plan, DateTimeOffset? shownAt, string? actor, string? coupon, AgreedPlan? agreed, CancellationToken ct)
    {
        using var place = await database.EnterJobAsync(tenant, ct);
        // What should have happened before: the change is made to the period of now.
        await advance.RunAsync(tenant, ct);
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.ExecuteAsync(BillingLock.Acquire, ct, tenant);
        await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        if (await transaction.CycleAsync(tenant, [SubscriptionLock.Acquire], new CyclePolicy(), ct) is not { } cycle)
        {
            return new ChangePlanResult.NotFound();
        }

        var now = clock.GetUtcNow();
        var decision = await PlanChangeRules.DecideAsync(transaction, cycle, plan, agreed is not null, now, ct);
        if (decision is PlanDecision.Refuse refused)
        {
            return refused.Result;
        }

        // Of a preview it is rolled back, with everything else.
        if (coupon is not null && await redeem.RunAsync(transaction, tenant, coupon, plan, actor ?? "preview", ct) is RedeemCouponResult.Refused invalid)
        {
            return new ChangePlanResult.CouponRefused(invalid.Reason);
        }

        if (decision is not PlanDecision.Change change)
        {
            return await UndoAsync(transaction, cycle, actor, ct);
        }

        var at = change.IsNow ? (shownAt ?? now).ToWholeSeconds() : BillingPeriod.Of(cycle.Subscription.Anchor, cycle.Subscription.OpenPeriod).EndsAt;
        // What an interim invoice has billed stays in the segment in which it was billed.
        var isOutdated = change.IsNow && (!IsStillValid(cycle, at, now)
            || (shownAt is not null && await transaction.ScalarAsync<bool>(IsBilledSince, ct, tenant, at)));
        at = isOutdated ? now.ToWholeSeconds() : at;
        var proposed = await ProposeAsync(transaction, cycle, change, at, agreed, ct);
        if (isOutdated)
        {
            return new ChangePlanResult.Outdated(proposed);
        }

        if (actor is not null)
        {
            if (agreed is null && (await transaction.OrganizationAsync(tenant, ct))?.MissingForInvoice() is { Count: > 0 } missing)
            {
                return new ChangePlanResult.AddressMissing(missing);
            }

            await (change.IsNow
                ? ApplyAsync(transaction, cycle, proposed, agreed, actor, ct)
                : ScheduleAsync(transaction, cycle.Subscription, proposed, agreed, actor, ct));
            await transaction.RequestVatConfirmationAsync(clock, tenant, ct);
            await transaction.CommitAsync(ct);
        }

        return new ChangePlanResult.Accepted(proposed);
    }

    /// <summary>The same period, and nothing has changed since: no plan, and no end.</summary>
    static bool IsStillValid(LoadedCycle cycle, DateTimeOffset at, DateTimeOffset now)
    {
        var period = BillingPeriod.Containing(cycle.Subscription.Anchor, DateOnly.FromDateTime(now.UtcDateTime));
        return at <= now && at >= now.ToWholeSeconds() - ValidFor && at >= period.StartsAt
            && (cycle.Segments is not [.., { StartsAt: var last }] || at >= last) && (cycle.Subscription.EndedAt is not { } ended || at >= ended.ToWholeSeconds());
    }

    async Task<PlanChange> ProposeAsync(
        Transaction transaction, LoadedCycle cycle, PlanDecision.Change change, DateTimeOffset at, AgreedPlan? agreed, CancellationToken ct)
    {
        var subscription = cycle.Subscription;
        var period = BillingPeriod.Containing(subscription.Anchor, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime));
        var next = BillingPeriod.Of(subscription.Anchor, period.Number + 1);
        var after = subscription with
        {
            Plan = change.To.Name,
            Status = "active",
            TrialEndsAt = null,
            OpenPeriod = period.Number,
            AgreedEurPerMonth = agreed?.Terms.EurPerMonth,
            AgreedOverageEurPerThousand = agreed?.Terms.OverageEurPerThousand,
        };
        var segments = PlanSegments.With(cycle.Segments, subscription, SegmentOf(subscription, change.To, at, agreed));
        var thisPeriod = change.IsNow
            ? await writeInvoice.DraftAsync(transaction, after, segments, period, ct)
            : subscription.TrialEndsAt is null ? await writeInvoice.DraftAsync(transaction, subscription, cycle.Segments, period, ct) : null;
        var nextPeriod = await writeInvoice.DraftAsync(transaction, after with { OpenPeriod = next.Number }, segments, next, ct);
        var allowance = change.IsNow
            ? (await transaction.AllowanceAsync(subscription, cycle.Segments, change.To.Name, agreed?.Terms ?? new AgreedTerms(), at, ct)).Allowance.Tokens
            : null;
        return new PlanChange(change.From, change.To, at, change.IsNow, thisPeriod, nextPeriod, allowance);
    }

    static SubscriptionSegment SegmentOf(Subscription subscription, Plan plan, DateTimeOffset at, AgreedPlan? agreed) => new(
        at, plan.Name, agreed?.Terms ?? new AgreedTerms(), agreed?.MinimumEur,
        subscription.Status == "ended" ? SegmentReason.Reactivated : SegmentReason.Upgraded);

    async Task ApplyAsync(Transaction transaction, LoadedCycle cycle, PlanChange change, AgreedPlan? agreed, string actor, CancellationToken ct)
    {
        var (subscription, now) = (cycle.Subscription, clock.GetUtcNow());
        var (tenant, terms) = (subscription.Tenant, agreed?.Terms ?? new AgreedTerms());
        var (period, allowance) = await transaction.AllowanceAsync(subscription, cycle.Segments, change.To.Name, terms, change.EffectiveAt, ct);
        if (subscription is { Status: "ended", EndedAt: { } endedAt })
        {
            // Nothing is charged from the end until now.
            await transaction.StartSegmentAsync(tenant, new SubscriptionSegment(endedAt.ToWholeSeconds(), null, new AgreedTerms(), null, SegmentReason.Paused), ct);
            foreach (var skipped in Enumerable.Range(subscription.OpenPeriod, Math.Max(0, period.Number - subscription.OpenPeriod)))
            {
                var past = BillingPeriod.Of(subscription.Anchor, skipped);
                await transaction.EnterAsync(tenant, past, Stage.Closed, past.EndsAt, now, graceFrom: null, invoice: null, ct);
            }

            await transaction.ReopenAsync(tenant, period, ct);
        }

        await transaction.StartSegmentAsync(tenant, SegmentOf(subscription, change.To, change.EffectiveAt, agreed), ct);
        await transaction.SetPlanAsync(tenant, change.To.Name, terms, period, allowance, ct);
        await transaction.SettleChangeAsync(tenant, isApplied: false, now, ct);
        await transaction.CheckAlertsAgainAsync(clock, tenant, ct);
        // Its resources and models follow.
        await transaction.QueueProvisioningAsync(clock, options, tenant, await transaction.SlugAsync(tenant, ct), RunKinds.Provision, ct);
        await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
        await transaction.AuditAsync(
            clock, tenant, actor, "subscription.plan_changed", new { from = change.From.Name, to = change.To.Name, effective_at = change.EffectiveAt }, ct);
        await mails.PlanChangedAsync(transaction, tenant, change, period, ct);
    }

    async Task ScheduleAsync(Transaction transaction, Subscription subscription, PlanChange change, AgreedPlan? agreed, string actor, CancellationToken ct)
    {
        var (tenant, now) = (subscription.Tenant, clock.GetUtcNow());
        var scheduled = new ScheduledChange(Ids.New(clock), change.To.Name, DateOnly.FromDateTime(change.EffectiveAt.UtcDateTime), actor, now)
        {
            Agreed = agreed?.Terms ?? new AgreedTerms(),
            MinimumEur = agreed?.MinimumEur,
        };
        await transaction.SettleChangeAsync(tenant, isApplied: false, now, ct);
        await transaction.ScheduleAsync(tenant, scheduled, ct);
        await transaction.AuditAsync(
            clock, tenant, actor, "subscription.change_scheduled", new { from = change.From.Name, to = change.To.Name, effective_on = scheduled.EffectiveOn }, ct);
        await mails.ChangeScheduledAsync(transaction, tenant, change, ct);
    }

    async Task<ChangePlanResult> UndoAsync(Transaction transaction, LoadedCycle cycle, string? actor, CancellationToken ct)
    {
        var (tenant, plan) = (cycle.Subscription.Tenant, cycle.Subscription.Plan);
        if (actor is not null)
        {
            await transaction.SettleChangeAsync(tenant, isApplied: false, clock.GetUtcNow(), ct);
            await transaction.AuditAsync(clock, tenant, actor, "subscription.change_undone", null, ct);
            await mails.ChangeUndoneAsync(transaction, tenant, cycle.Facts.Scheduled!, plan, ct);
            await transaction.CommitAsync(ct);
        }

        return new ChangePlanResult.Undone(plan);
    }

    const string IsBilledSince = "select exists (select from control.invoice where tenant_id = $1 and kind = 'interim' and created_at > $2)";
}
