namespace ControlPlane.Tests.Billing.Cycle;

/// <summary>The billing cycle over three years, with customers who pay, fail, dispute and come back at random, and a job that runs whenever it runs.</summary>
public sealed class BillingCycleProperties
{
    const int Lives = 200;

    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = Start.AddYears(3);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 10)];

    [Theory, MemberData(nameof(Seeds))]
    public void Every_period_is_invoiced_once_or_paused_and_access_is_that_of_the_worst_one(int seed)
    {
        var random = new Random(seed);
        for (var life = 0; life < Lives / 10; life++)
        {
            var model = Live(random, NewModel(random), JobTimes(random, maximumGapHours: random.Next(4) == 0 ? 400 : 30));

            var closed = model.Invoices.Concat(model.Paused).Order().ToList();
            Assert.Equal(Enumerable.Range(1, model.Subscription.OpenPeriod - 1), closed);
            Assert.Equal(model.Invoices.Order(), model.Invoices);
            Assert.All(model.Periods.Values.Where(state => state.Stage == Stage.Paid), state => Assert.True(state.Receivable!.Open == 0 || state.Receivable.State == CollectionState.Reversed));
            Assert.True(model.NextDueAt is not { } due || due > End, $"{model.NextDueAt} was left undone");
            // Nothing is done before it is due, and what follows by time follows in the order of time.
            Assert.All(model.Log, step => Assert.True(step.Transition.DueAt <= step.At));
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void How_often_the_job_runs_does_not_matter_as_long_as_it_is_not_late(int seed)
    {
        var random = new Random(seed);
        for (var life = 0; life < Lives / 10; life++)
        {
            var (model, payments) = (random.Next(), random.Next());
            var often = Live(new Random(payments), NewModel(new Random(model), isCharged: true), JobTimes(new Random(1), maximumGapHours: 2));
            var seldom = Live(new Random(payments), NewModel(new Random(model), isCharged: true), JobTimes(new Random(2), maximumGapHours: 2));

            Assert.Equal(often.Invoices, seldom.Invoices);
            Assert.Equal(often.Access, seldom.Access);
            Assert.Equal(
                often.Log.Select(step => (step.Transition.GetType().Name, step.Transition.Period, step.Transition.DueAt)).Order(),
                seldom.Log.Select(step => (step.Transition.GetType().Name, step.Transition.Period, step.Transition.DueAt)).Order());
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void However_long_the_job_was_down_a_customer_has_three_days_before_each_restriction(int seed)
    {
        var random = new Random(seed);
        for (var life = 0; life < Lives / 10; life++)
        {
            var model = Live(random, NewModel(random), JobTimes(random, maximumGapHours: 700));
            foreach (var period in model.Log.Where(step => step.Transition is Transition.Move).GroupBy(step => step.Transition.Period))
            {
                foreach (var (before, after) in period.Zip(period.Skip(1)))
                {
                    var isRestriction = after.Transition is Transition.Move { From: Stage.PastDue or Stage.Dunning, To: Stage.Dunning or Stage.Suspended };
                    Assert.True(!isRestriction || after.At - before.At >= TimeSpan.FromHours(72 - 12 - 9), $"{after} follows {before} too soon");
                }
            }
        }
    }

    /// <param name="isCharged">A transfer is due 14 days after the invoice was written, whenever that is.</param>
    static CycleModel NewModel(Random random, bool isCharged = false) =>
        new(DateOnly.FromDateTime(Start.UtcDateTime).AddDays(random.Next(31)), isTransfer: !isCharged && random.Next(3) == 0);

    static IEnumerable<DateTimeOffset> JobTimes(Random random, int maximumGapHours)
    {
        for (var at = Start.AddDays(31); at < End; at += TimeSpan.FromMinutes(random.Next(10, maximumGapHours * 60)))
        {
            yield return at;
        }

        yield return End;
    }

    /// <summary>Runs the job at its times. The provider answers on its own: what it says and when depends on the invoice only.</summary>
    static CycleModel Live(Random random, CycleModel model, IEnumerable<DateTimeOffset> jobTimes)
    {
        var salt = random.Next();
        var told = new HashSet<(int, int)>();
        var last = DateTimeOffset.MinValue;
        foreach (var at in jobTimes)
        {
            foreach (var (period, n, state, open, bounces, when) in model.Invoices.SelectMany(period => Story(salt, period, model)).Where(fact => fact.When <= at)
                         .OrderBy(fact => fact.When).ToList())
            {
                if (told.Add((period, n)))
                {
                    // As in real life, the job has done before what was due by then.
                    model.Run(when > last ? when : last);
                    model.Record(period, state, when > last ? when : last, open, bounces);
                }
            }

            model.Run(at);
            last = at;
        }

        return model;
    }

    /// <summary>What is said of an invoice: paid, failed for a while or for good, a debit that bounces, a dispute.</summary>
    static IEnumerable<(int Period, int Fact, CollectionState State, decimal Open, int Bounces, DateTimeOffset When)> Story(int salt, int period, CycleModel model)
    {
        var random = new Random(unchecked((salt * 31) + period));
        var at = model.Periods[period].Period.EndsAt.AddHours(9).AddMinutes(random.Next(60));
        var n = 0;
        switch (random.Next(10))
        {
            case < 5:
                yield return Fact(CollectionState.Succeeded, 0);
                break;
            case 5:
                yield return Fact(CollectionState.Failed, 9.90m);
                at = at.AddHours(random.Next(1, 24 * 34));
                yield return Fact(CollectionState.Succeeded, 0);
                break;
            case 6:
                yield return Fact(CollectionState.Pending, 9.90m);
                at = at.AddDays(random.Next(1, 8));
                yield return Fact(CollectionState.Failed, 9.90m, bounces: 1);
                at = at.AddDays(random.Next(1, 20));
                yield return Fact(CollectionState.Pending, 9.90m);
                at = at.AddDays(random.Next(1, 8));
                yield return random.Next(2) == 0 ? Fact(CollectionState.Succeeded, 0) : Fact(CollectionState.Failed, 9.90m, bounces: 1);
                break;
            case 7:
                yield return Fact(CollectionState.Succeeded, 0);
                at = at.AddDays(random.Next(1, 60));
                yield return Fact(CollectionState.Reversed, 9.90m, bounces: 1);
                at = at.AddDays(random.Next(1, 30));
                yield return Fact(CollectionState.Succeeded, 0);
                break;
            case 8 when random.Next(12) == 0:
                yield return Fact(CollectionState.Failed, 9.90m);
                break;
            default:
                yield return Fact(CollectionState.Failed, 9.90m);
                at = at.AddHours(random.Next(1, 100));
                yield return Fact(CollectionState.Succeeded, 0);
                break;
        }

        (int, int, CollectionState, decimal, int, DateTimeOffset) Fact(CollectionState state, decimal open, int bounces = 0) => (period, n++, state, open, bounces, at);
    }
}
