using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Plans;

/// <summary>What a change of plan does to the allowance of the period it happens in.</summary>
static class PlanAllowance
{
    public static async Task<(BillingPeriod Period, ChangedAllowance Allowance)> AllowanceAsync(
        this Transaction transaction, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, string plan, AgreedTerms agreed, DateTimeOffset at,
        CancellationToken ct)
    {
        var period = BillingPeriod.Containing(subscription.Anchor, DateOnly.FromDateTime(at.UtcDateTime));
        var used = await transaction.ScalarAsync<long?>(Used, ct, subscription.Tenant, period.Start) ?? 0;
        var isFree = subscription.TrialEndsAt is not null || subscription.Status == "ended" || segments is [.., { Plan: null }];
        var former = segments is [.., var last] ? last.Agreed : new AgreedTerms(subscription.AgreedEurPerMonth, subscription.AgreedOverageEurPerThousand);
        var since = segments is [.., { StartsAt: var start }] && start > period.StartsAt ? start : period.StartsAt;
        var before = isFree ? null : await ShareAsync(transaction, subscription.Plan, former, since, ct);
        var isChanged = subscription.AllowanceOf == period.Start;
        var allowance = ChangedAllowance.At(
            at, period, used, before is null ? null : before with { Tokens = isChanged ? subscription.AllowanceTokens : null },
            await ShareAsync(transaction, plan, agreed, at, ct), isChanged ? subscription.SpentEur : 0);
        return (period, allowance);
    }

    static async Task<PlanShare> ShareAsync(Transaction transaction, string name, AgreedTerms agreed, DateTimeOffset since, CancellationToken ct)
    {
        var plan = await transaction.PlanAsync(name, since, ct) ?? throw new InvalidOperationException($"Plan {name} has no terms for {since:O}.");
        return new PlanShare(agreed.TokensPerMonth ?? plan.TokensPerMonth, plan.MonthIsHard ? null : agreed.OverageEurPerThousand ?? plan.OverageEurPerThousand, since);
    }

    const string Used = "select used from control.budget where tenant_id = $1 and meter = 'tokens' and span = 'period' and starts = $2";
}
