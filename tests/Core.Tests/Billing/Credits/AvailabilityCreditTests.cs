namespace ControlPlane.Tests.Billing.Credits;

public class AvailabilityCreditTests
{
    const long Month = 30 * 86_400;

    [Theory]
    [InlineData(0)]
    [InlineData(Month / 1000)]
    public void A_promise_that_was_kept_gives_nothing(long down) => Assert.Null(AvailabilityCredit.Of(Month, down, 99.9m, 1000));

    [Theory]
    [InlineData(Month / 1000 + 1, 100)]
    [InlineData(Month / 100, 100)]
    [InlineData(Month / 100 + 1, 250)]
    [InlineData(Month / 20 + 1, 500)]
    [InlineData(Month, 500)]
    public void The_longer_it_was_down_the_more_is_proposed(long down, int eur) => Assert.Equal(eur, AvailabilityCredit.Of(Month, down, 99.9m, 1000)!.Eur);

    [Fact]
    public void Without_a_price_or_a_measurement_no_amount_is_proposed()
    {
        Assert.Null(AvailabilityCredit.Of(Month, Month / 2, 99.9m, null)!.Eur);
        Assert.Null(AvailabilityCredit.Of(0, 0, 99.9m, 1000));
    }

    [Fact]
    public void A_percentage_is_never_rounded_up_to_what_was_promised() => Assert.Equal(
        "The environment was available 99.899 % of March 2026 and down for 43 minutes; its plan promises 99.9 %. Proposed: 100.00 EUR goodwill.",
        AvailabilityCredit.Of(Month, Month / 1000 + 1, 99.9m, 1000)!.Describe(new DateOnly(2026, 3, 1), Month / 1000 + 1, 99.9m));
}
