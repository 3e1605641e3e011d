namespace ControlPlane.Tests.Billing.Cycle;

/// <summary>A subscription in memory, to which transitions are applied as the database applies them.</summary>
sealed class CycleModel(DateOnly anchor, bool isTransfer)
{
    static readonly CyclePolicy Policy = new();

    readonly Dictionary<int, PeriodState> _periods = [];
    bool _isPaused;

    public Subscription Subscription { get; private set; } =
        new(Guid.Empty, "basic", "active", BillingPeriod.Of(anchor, 1).StartsAt, anchor, null, 1, null, null);

    /// <summary>Numbers of the periods that have an invoice, in the order in which they were written.</summary>
    public List<int> Invoices { get; } = [];
    public List<int> Paused { get; } = [];
    public List<(Transition Transition, DateTimeOffset At)> Log { get; } = [];
    public IEnumerable<PeriodState> Unsettled => _periods.Values.Where(state => state.Stage is not (Stage.Paid or Stage.Closed));
    public IReadOnlyDictionary<int, PeriodState> Periods => _periods;
    public Access Access => BillingCycle.AccessOf(_periods.Values, Subscription);
    public DateTimeOffset? NextDueAt => BillingCycle.NextDueAt(Facts);

    CycleFacts Facts
    {
        get
        {
            var open = BillingPeriod.Of(Subscription.Anchor, Subscription.OpenPeriod);
            List<PeriodState> periods =
            [
                .. _periods.Values.Where(state => state is not { Stage: Stage.Paid or Stage.Closed } or { Stage: Stage.Closed, Receivable: not null }
                    or { Receivable.State: CollectionState.Reversed }),
            ];
            if (Subscription.Status == "active" && !_periods.ContainsKey(open.Number))
            {
                periods.Add(new PeriodState(open, Stage.Open, open.StartsAt, null, null));
            }

            return new CycleFacts(Subscription, !_isPaused, _isPaused, periods, null, Policy);
        }
    }

    /// <summary>The job.</summary>
    public void Run(DateTimeOffset now)
    {
        while (BillingCycle.Next(Facts, now) is { } next)
        {
            Apply(next, now);
        }
    }

    /// <summary>What the provider or bank says of a period's invoice, recorded with the moves that follow.</summary>
    public void Record(int period, CollectionState state, DateTimeOffset now, decimal open, int bounces)
    {
        var before = _periods[period];
        _periods[period] = before with { Receivable = before.Receivable! with { State = state, ChangedAt = now, Open = open, Bounces = before.Receivable.Bounces + bounces } };
        while (BillingCycle.NextFact(Facts) is { } move)
        {
            Apply(move, now);
        }
    }

    void Apply(Transition transition, DateTimeOffset now)
    {
        Log.Add((transition, now));
        var number = transition.Period;
        switch (transition)
        {
            case Transition.Preview:
                var period = BillingPeriod.Of(Subscription.Anchor, number);
                _periods[number] = new PeriodState(period, Stage.Previewed, transition.DueAt, null, null);
                break;
            case Transition.ClosePeriod:
                Close(BillingPeriod.Of(Subscription.Anchor, number), now);
                break;
            case Transition.Move move:
                _periods[number] = _periods[number] with { Stage = move.To, Since = BillingCycle.Effective(move.DueAt, now, Policy), GraceFrom = move.GraceFrom };
                _isPaused &= Access == Access.None;
                break;
            case Transition.TellClosing:
                Subscription = Subscription with { ClosingToldAt = now };
                break;
            case Transition.CloseSubscription:
                foreach (var state in Unsettled.Where(state => state.Receivable is not null).ToList())
                {
                    _periods[state.Period.Number] = state with { Stage = Stage.Closed };
                }

                Subscription = Subscription with { EndReason = "unpaid", TenantDeletedAt = now };
                break;
        }
    }

    void Close(BillingPeriod period, DateTimeOffset now)
    {
        var isBilled = !_isPaused;
        (isBilled ? Invoices : Paused).Add(period.Number);
        var due = isTransfer ? now.AddDays(14) : period.EndsAt.AddHours(9) > now ? period.EndsAt.AddHours(9) : now;
        _periods[period.Number] = new PeriodState(
            period, isBilled ? Stage.Invoiced : Stage.Closed, period.EndsAt, null,
            isBilled ? new Receivable(9.90m, CollectionState.Due, due, now, 0) { IsTransfer = isTransfer } : null);
        Subscription = Subscription with { OpenPeriod = period.Number + 1 };
        if (period.End >= Subscription.EndsOn)
        {
            Subscription = Subscription with { Status = "ended", EndReason = "unpaid", EndedAt = period.EndsAt };
        }

        _isPaused |= Access == Access.None;
    }
}
