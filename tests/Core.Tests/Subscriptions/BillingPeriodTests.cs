using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Subscriptions;

public class BillingPeriodTests
{
    [Fact]
    public void A_period_that_starts_on_the_31st_is_clamped_and_never_drifts()
    {
        var anchor = new DateOnly(2026, 1, 31);

        Assert.Equal(
            [new DateOnly(2026, 1, 31), new DateOnly(2026, 2, 28), new DateOnly(2026, 3, 31), new DateOnly(2026, 4, 30)],
            Enumerable.Range(1, 4).Select(number => BillingPeriod.Of(anchor, number).Start));
        Assert.Equal(new DateOnly(2028, 2, 29), BillingPeriod.Of(anchor, 26).Start);
    }

    [Fact]
    public void A_day_before_the_anchor_belongs_to_the_first_period() =>
        Assert.Equal(1, BillingPeriod.Containing(new DateOnly(2026, 3, 15), new DateOnly(2025, 12, 1)).Number);

    [Fact]
    public void Every_day_is_in_exactly_one_period() =>
        Prop.ForAll(Days(), Gen.Choose(0, 4000).ToArbitrary(), (anchor, later) =>
        {
            var day = anchor.AddDays(later);
            var period = BillingPeriod.Containing(anchor, day);
            return period.Start <= day && day < period.End
                && BillingPeriod.Of(anchor, period.Number) == period
                && BillingPeriod.Of(anchor, period.Number + 1).Start == period.End
                && period.Days is >= 28 and <= 31;
        }).QuickCheckThrowOnFailure();

    static Arbitrary<DateOnly> Days() => Gen.Choose(0, 10_000).Select(n => new DateOnly(2000, 1, 1).AddDays(n)).ToArbitrary();
}
