namespace ControlPlane.Tests.Subscriptions;

public sealed class ChangedAllowanceTests
{
    const long Basic = 1_000_000, Premium = 10_000_000;

    static readonly BillingPeriod March = BillingPeriod.Of(new DateOnly(2026, 3, 1), 1);
    static readonly BillingPeriod April = BillingPeriod.Of(new DateOnly(2026, 4, 1), 1);

    static PlanShare Whole(long included, decimal rate, BillingPeriod period) => new(included, rate, period.StartsAt);

    static ChangedAllowance Upgrade(BillingPeriod period, DateTimeOffset at, long used, decimal? limit = null) =>
        ChangedAllowance.At(at, period, used, Whole(Basic, 0.01m, period), new PlanShare(Premium, 0.008m, at), limit);

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
        Assert.Equal(40_000 + 693_548, ChangedAllowance.At(at, March, 40_000, before: null, new PlanShare(Basic, 0.01m, at), null).Tokens);
    }

    [Fact]
    public void Two_changes_within_a_period_give_each_plan_its_share()
    {
        var first = April.StartsAt.AddDays(10);
        var second = April.StartsAt.AddDays(20);
        var once = Upgrade(April, first, 0);
        var twice = ChangedAllowance.At(second, April, 0, new PlanShare(Premium, 0.008m, first, once.Tokens), new PlanShare(Basic, 0.01m, second), null);
        Assert.Equal((Basic / 3) + (Premium / 3) + (Basic / 3), twice.Tokens);
    }

    [Theory]
    [InlineData(0, 5.00, 5_500_000 + 625_000)]
    // 100,000 tokens beyond basic's share at 0.01: 1.00 is spent.
    [InlineData(600_000, 5.00, 600_000 + 5_000_000 + 500_000)]
    [InlineData(5_000_000, 5.00, 5_000_000 + 5_000_000)]
    public void A_spend_limit_counts_what_was_spent_before_the_change(long used, double limit, long spendTokens) =>
        Assert.Equal(spendTokens, Upgrade(April, new DateTimeOffset(2026, 4, 16, 0, 0, 0, TimeSpan.Zero), used, (decimal)limit).SpendTokens);

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
                share = next with { Tokens = ChangedAllowance.At(at, April, 0, share, next, null).Tokens };
                Assert.InRange(share.Tokens!.Value, 0, Premium);
            }
        }
    }
}
