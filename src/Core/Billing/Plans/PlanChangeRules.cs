using ControlPlane.Billing.Cycle;
using ControlPlane.Catalog;

namespace ControlPlane.Billing.Plans;

/// <summary>What asking for a plan leads to.</summary>
abstract record PlanDecision
{
    /// <param name="IsNow">Otherwise at the end of the period.</param>
    public sealed record Change(Plan From, Plan To, bool IsNow) : PlanDecision;
    /// <summary>The present plan is wanted again, and another one is scheduled.</summary>
    public sealed record Undo : PlanDecision;
    public sealed record Refuse(ChangePlanResult Result) : PlanDecision;
}

/// <summary>Decides which changes of plan are possible, and when they take effect.</summary>
static class PlanChangeRules
{
    public static async Task<PlanDecision> DecideAsync(
        Transaction transaction, LoadedCycle cycle, string wanted, bool isOperator, DateTimeOffset now, CancellationToken ct)
    {
        var subscription = cycle.Subscription;
        var plans = await transaction.PlansAsync(now, ct);
        if (plans.Find(plan => plan.Name == wanted) is not { } to || plans.Find(plan => plan.Name == subscription.Plan) is not { } from)
        {
            return new PlanDecision.Refuse(new ChangePlanResult.NotFound());
        }

        if (Refusal(cycle, to, isOperator) is { } why)
        {
            return new PlanDecision.Refuse(new ChangePlanResult.NotAllowed(why));
        }

        var isReturn = subscription.Status == "ended";
        if (to.Name == from.Name && !isReturn && !isOperator)
        {
            return cycle.Facts.Scheduled is null
                ? new PlanDecision.Refuse(new ChangePlanResult.NotAllowed($"{to.Title} is the present plan."))
                : new PlanDecision.Undo();
        }

        // Whoever has no free trial any more and pays less than before waits for the end of the period.
        return new PlanDecision.Change(from, to, isReturn || subscription.TrialEndsAt is not null || plans.IndexOf(to) >= plans.IndexOf(from));
    }

    static string? Refusal(LoadedCycle cycle, Plan to, bool isOperator)
    {
        var subscription = cycle.Subscription;
        var isReturn = subscription.Status == "ended";
        var unpaid = cycle.Facts.Periods.FirstOrDefault(
            state => state.Stage is Stage.Dunning or Stage.Suspended or Stage.Closed || (isReturn && state.Stage is Stage.PastDue));
        return subscription switch
        {
            { TenantDeletedAt: not null } => "The tenant is deleted.",
            _ when to.TrialDays is not null => "A trial cannot be chosen again.",
            _ when !to.SelfService && !isOperator => $"Write to us for {to.Title}: its price is agreed.",
            _ when unpaid is not null && cycle.Owed.TryGetValue(unpaid.Period.Number, out var invoice) => $"Pay invoice {invoice.Number} first.",
            _ when cycle.Facts.Scheduled is { IsCancellation: true } => "Undo the cancellation first.",
            _ => null,
        };
    }
}
