using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>
/// The billing cycle as a pure function: what a subscription's facts and the time make due. What was paid, failed or reversed is read from the receivable and
/// remembered nowhere else, so the order in which such facts arrive does not matter.
/// </summary>
public static class BillingCycle
{
    /// <summary>The earliest transition that is due; of those due at the same instant the one of the lower period.</summary>
    public static Transition? Next(CycleFacts facts, DateTimeOffset now) =>
        Following(facts, now).Where(next => next.IsFact || next.DueAt <= now).OrderBy(next => next.DueAt).ThenBy(next => next.Period).FirstOrDefault();

    /// <summary>A transition that follows from what was paid or failed, whatever the time.</summary>
    public static Transition.Move? NextFact(CycleFacts facts) => Following(facts, DateTimeOffset.MinValue).OfType<Transition.Move>().FirstOrDefault(next => next.IsFact);

    /// <summary>A stage of what is unpaid that is due: nothing has to be written or ended for it.</summary>
    public static Transition.Move? NextUnpaid(CycleFacts facts, DateTimeOffset now) =>
        Following(facts, now).OfType<Transition.Move>().Where(next => next is { IsFact: false, To: Stage.PastDue or Stage.Dunning or Stage.Suspended } && next.DueAt <= now)
            .OrderBy(next => next.DueAt).ThenBy(next => next.Period).FirstOrDefault();

    /// <summary>When there is something to do if no fact changes; null: never.</summary>
    public static DateTimeOffset? NextDueAt(CycleFacts facts) =>
        Following(facts, DateTimeOffset.MinValue).Select(next => (DateTimeOffset?)next.DueAt).Min();

    /// <summary>That of the worst unpaid period.</summary>
    public static Access AccessOf(IEnumerable<PeriodState> periods, Subscription subscription)
    {
        if (subscription.Status == "ended" || subscription.EndReason is not null)
        {
            return Access.None;
        }

        var stages = periods.Select(period => period.Stage).ToHashSet();
        return stages.Contains(Stage.Suspended) ? Access.None : stages.Contains(Stage.Dunning) ? Access.LocalModels : Access.Full;
    }

    /// <summary>
    /// What the steps after a stage are counted from: when it was due, or when it was entered, if that was so much later that the customer had no time to act.
    /// </summary>
    public static DateTimeOffset Effective(DateTimeOffset due, DateTimeOffset entered, CyclePolicy policy) => entered - due <= policy.Late ? due : entered;

    /// <summary>When the environment is deleted of which the customer is told at an instant.</summary>
    public static DateTimeOffset ClosingAt(DateTimeOffset since, TimeSpan kept, DateTimeOffset toldAt, CyclePolicy policy)
    {
        // Told late, the customer has the time of the notice from then on.
        var (planned, afterNotice) = (since + kept, toldAt + policy.ClosingNotice - policy.Late);
        return planned > afterNotice ? planned : afterNotice;
    }

    /// <returns>null: the customer has not been told yet.</returns>
    static DateTimeOffset? ClosingAt(CycleFacts facts, DateTimeOffset since, TimeSpan kept) =>
        facts.Subscription.ClosingToldAt is { } toldAt && toldAt >= since ? ClosingAt(since, kept, toldAt, facts.Policy) : null;

    /// <summary>What comes next for each period, and for the subscription.</summary>
    static IEnumerable<Transition> Following(CycleFacts facts, DateTimeOffset now)
    {
        foreach (var state in facts.Periods)
        {
            var next = state.Stage is Stage.Open or Stage.Previewed ? OfOpen(facts, state, now) : OfReceivable(facts, state, now);
            if (next is not null)
            {
                yield return next;
            }
        }

        if (facts.Subscription is { Status: "ended", EndReason: "cancelled", EndedAt: { } endedAt, TenantDeletedAt: null })
        {
            yield return ClosingAt(facts, endedAt, facts.Policy.KeepAfterEnd) is { } deletesAt
                ? new Transition.Delete(facts.Subscription.OpenPeriod, deletesAt)
                : new Transition.TellClosing(facts.Subscription.OpenPeriod, endedAt + facts.Policy.KeepAfterEnd - facts.Policy.ClosingNotice, IsUnpaid: false);
        }
    }

    static Transition OfOpen(CycleFacts facts, PeriodState state, DateTimeOffset now)
    {
        var end = state.Period.EndsAt;
        return state.Stage == Stage.Open && facts.IsPriced && now < end
            ? new Transition.Preview(state.Period.Number, end - facts.Policy.Preview)
            : new Transition.ClosePeriod(state.Period.Number, end);
    }

    static Transition? OfReceivable(CycleFacts facts, PeriodState state, DateTimeOffset now)
    {
        if (state.Receivable is not { } receivable)
        {
            return null;
        }

        var policy = facts.Policy;
        return (state.Stage, receivable) switch
        {
            (Stage.Paid, { Open: > 0, State: CollectionState.Reversed }) => Failed(receivable.ChangedAt, receivable.ChangedAt),
            (Stage.Paid, _) => null,
            (_, { Open: <= 0 }) => Fact(Stage.Paid, receivable.ChangedAt, graceFrom: null),
            (Stage.Closed, _) => null,
            (Stage.Pending, { State: CollectionState.Pending }) => null,
            // Another debit after one that has failed does not stop the clock for good: who has no money could begin one again and again.
            (_, { State: CollectionState.Pending, Bounces: 0 }) => Fact(Stage.Pending, receivable.ChangedAt, graceFrom: null),
            (Stage.Pending, _) => Failed(receivable.ChangedAt, receivable.ChangedAt),
            (Stage.Invoiced, { State: CollectionState.Reversed }) => Failed(receivable.ChangedAt, receivable.ChangedAt),
            (Stage.Invoiced, { IsTransfer: true, State: not CollectionState.Pending }) => Timed(Stage.PastDue, receivable.DueAt, Effective(receivable.DueAt, now, policy)),
            (Stage.Invoiced, { State: CollectionState.Failed or CollectionState.RequiresAction }) => Charged(),
            (_, { State: CollectionState.Pending }) => null,
            (Stage.PastDue, _) => Timed(Stage.Dunning, NotBefore((state.GraceFrom ?? state.Since) + policy.Dunning), state.GraceFrom),
            (Stage.Dunning, _) => Timed(Stage.Suspended, NotBefore(state.Since + policy.Suspension), state.GraceFrom),
            (Stage.Suspended, _) when facts.Subscription is { EndReason: null, TenantDeletedAt: null } =>
                ClosingAt(facts, state.Since, policy.Closing) is { } closesAt
                    ? new Transition.CloseSubscription(state.Period.Number, NotBefore(closesAt), "unpaid")
                    : new Transition.TellClosing(state.Period.Number, NotBefore(state.Since + policy.Closing - policy.ClosingNotice), IsUnpaid: true),
            (Stage.Suspended, _) => Timed(Stage.Closed, state.Since + policy.Closing, state.GraceFrom),
            _ => null,
        };

        // While a debit was under way, time stood still.
        DateTimeOffset NotBefore(DateTimeOffset at) => receivable.ChangedAt > at ? receivable.ChangedAt : at;

        // A click may fail before the charge that is due: that one is still made.
        Transition Charged()
        {
            var noticedAt = now > receivable.DueAt ? now : receivable.DueAt;
            return receivable.ChangedAt >= receivable.DueAt
                ? Failed(receivable.ChangedAt, Effective(state.Period.EndsAt, receivable.ChangedAt - policy.Charge, policy))
                : Timed(Stage.PastDue, receivable.DueAt, Effective(state.Period.EndsAt, noticedAt - policy.Charge, policy));
        }

        Transition.Move Failed(DateTimeOffset at, DateTimeOffset graceFrom) => Fact(Stage.PastDue, at, graceFrom);

        Transition.Move Fact(Stage to, DateTimeOffset at, DateTimeOffset? graceFrom) => new(state.Period.Number, at, state.Stage, to, graceFrom) { IsFact = true };

        Transition.Move Timed(Stage to, DateTimeOffset at, DateTimeOffset? graceFrom) => new(state.Period.Number, at, state.Stage, to, graceFrom);
    }
}
