namespace ControlPlane.Tests.Portal;

[Trait("Category", "Quick")]
public class OverageForecastTests
{
    static readonly BillingPeriod June = BillingPeriod.Of(new DateOnly(2026, 6, 1), 1);

    [Theory]
    // Half of the period has elapsed: usage doubles.
    [InlineData(15, 400_000, 0, 0)]
    [InlineData(15, 600_000, 0, 2.00)]
    [InlineData(15, 1_500_000, 5.00, 20.00)]
    // On the first day, usage counts for the whole day, not for the minutes elapsed.
    [InlineData(0.01, 40_000, 0, 2.00)]
    // At the end there is nothing left to project.
    [InlineData(30, 1_200_000, 2.00, 2.00)]
    public void Overage_is_projected_at_the_current_pace(double daysElapsed, long used, double soFar, double atEnd)
    {
        var forecast = OverageForecast.Of(used, included: 1_000_000, eurPerThousand: 0.01m, June, new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero).AddDays(daysElapsed));
        Assert.Equal(new OverageForecast((decimal)soFar, (decimal)atEnd), forecast);
    }
}
