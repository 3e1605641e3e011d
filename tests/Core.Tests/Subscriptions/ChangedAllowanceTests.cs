namespace ControlPlane.Tests.Subscriptions;

public sealed class ChangedAllowanceTests
{
    const long Basic = 1_000_000, Premium = 10_000_000;

    static readonly BillingPeriod March = BillingPeriod.Of(new DateOnly(2026, 3, 1), 1);
    static readonly BillingPeriod April = BillingPeriod.Of(new DateOnly(2026, 4, 1), 1);

    static PlanShare Whole(long included, decimal rate, BillingPeriod period) => new(included, rate, period.StartsAt);

    static ChangedAllowance Upgrade(BillingPeriod period, DateTimeOffset at, long used) =>
        ChangedAllowance.At(at, period, used, Whole(Basic, 0.01m, period), new PlanShare(Premium, 0.008m, at));

    [Fact]
    public void Upgrading_an_hour_before_the_end_gives_an_hour_of_the_allowance()
    {
        var at = new DateTimeOffset(2026, 3, 31, 23, 0, 0, TimeSpan.Zero);
        // 1,100,000 used: 101,345 beyond basic's share are charged already.
        Assert.Equal(1_100_000 + 13_440, Upgrade(March, at, 1_100_000).Tokens);
        Assert.Equal(998_655 + 13_440, Upgrade(March, at, 0).Tokens);
    }

    [Fact]
    public void What_is_left_of_the_allowance_carries_into_the_next_plan()
    {
        var at = new DateTimeOffset(2026, 4, 16, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(500_000 + 5_000_000, Upgrade(April, at, 300_000).Tokens);
    }

    [Fact]
    public void What_a_trial_used_is_free_and_gives_nothing()
    {
        var at = new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(40_000 + 693_548, ChangedAllowance.At(at, March, 40_000, before: null, new PlanShare(Basic, 0.01m, at)).Tokens);
    }

    [Fact]
    public void Two_changes_within_a_period_give_each_plan_its_share()
    {
        var first = April.StartsAt.AddDays(10);
        var second = April.StartsAt.AddDays(20);
        var once = Upgrade(April, first, 0);
        var twice = ChangedAllowance.At(second, April, 0, new PlanShare(Premium, 0.008m, first, once.Tokens), new PlanShare(Basic, 0.01m, second));
        Assert.Equal((Basic / 3) + (Premium / 3) + (Basic / 3), twice.Tokens);
    }

    [Fact]
    public void What_was_spent_adds_up_over_all_changes_at_the_price_of_each_plan()
    {
        var (first, second) = (April.StartsAt.AddDays(15), April.StartsAt.AddDays(18));
        Assert.Equal(0, Upgrade(April, first, 500_000).SpentEur);
        // 100,000 tokens beyond basic's share at 0.01: 1.00 is spent.
        var once = Upgrade(April, first, 600_000);
        Assert.Equal(1.00m, once.SpentEur);
        // Three days of premium include a million tokens: 250,000 beyond them at 0.008.
        var premium = new PlanShare(Premium, 0.008m, first, once.Tokens);
        Assert.Equal(3.00m, ChangedAllowance.At(second, April, 1_850_000, premium, new PlanShare(Basic, 0.01m, second), once.SpentEur).SpentEur);
    }

    [Fact]
    public void Any_number_of_changes_gives_at_most_the_largest_allowance()
    {
        var random = new Random(12);
        for (var run = 0; run < 500; run++)
        {
            var at = April.StartsAt;
            PlanShare share = Whole(random.Next(2) == 0 ? Basic : Premium, 0.01m, April);
            for (var n = 0; n < 20; n++)
            {
                at = at.AddSeconds(random.Next(100_000));
                var next = new PlanShare(random.Next(2) == 0 ? Basic : Premium, 0.01m, at);
                share = next with { Tokens = ChangedAllowance.At(at, April, 0, share, next).Tokens };
                Assert.InRange(share.Tokens!.Value, 0, Premium);
            }
        }
    }
}
