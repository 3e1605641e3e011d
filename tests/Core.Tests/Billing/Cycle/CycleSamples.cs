namespace ControlPlane.Tests.Billing.Cycle;

/// <summary>Facts of the billing cycle around the end of one period, E.</summary>
static class CycleSamples
{
    public static readonly DateOnly Anchor = new(2026, 1, 31);
    public static readonly BillingPeriod Period = BillingPeriod.Of(Anchor, 1);
    public static readonly DateTimeOffset E = Period.EndsAt;
    public static readonly CyclePolicy Policy = new();

    public static Subscription Subscription(int openPeriod = 2) => new(Guid.Empty, "basic", "active", E.AddMonths(-1), Anchor, null, openPeriod, null, null);

    /// <summary>Of the period before the open one, in a stage since an instant.</summary>
    public static CycleFacts Unpaid(Stage stage, DateTimeOffset since, Receivable receivable, DateTimeOffset? graceFrom = null, Subscription? subscription = null) =>
        Facts(subscription ?? Subscription(), new PeriodState(Period, stage, since, graceFrom, receivable));

    public static CycleFacts Facts(Subscription subscription, params PeriodState[] unsettled)
    {
        var open = BillingPeriod.Of(Anchor, subscription.OpenPeriod);
        PeriodState[] periods = subscription.Status == "active" ? [.. unsettled, new PeriodState(open, Stage.Open, open.StartsAt, null, null)] : unsettled;
        return new CycleFacts(subscription, IsPriced: true, BeganPaused: false, periods, null, Policy);
    }

    public static Receivable Charged(CollectionState state, DateTimeOffset changedAt, int bounces = 0, decimal open = 11.78m) =>
        new(open, state, E.AddHours(9), changedAt, bounces);

    public static Receivable Transfer(CollectionState state = CollectionState.Due, decimal open = 11.78m) => new(open, state, E.AddDays(14), E, 0) { IsTransfer = true };

    public static Receivable Settled(DateTimeOffset at) => new(0, CollectionState.Succeeded, E.AddHours(9), at, 0);
}
