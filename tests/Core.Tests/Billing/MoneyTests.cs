using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Billing;

public class MoneyTests
{
    [Theory]
    [InlineData("0.005", "0.01")]
    [InlineData("-0.005", "-0.01")]
    [InlineData("2.345", "2.35")]
    [InlineData("2.3449999", "2.34")]
    public void Amounts_are_rounded_to_cents_half_away_from_zero(string exact, string rounded) =>
        Assert.Equal(decimal.Parse(rounded), Money.ToCents(decimal.Parse(exact)));

    [Fact]
    public void Tokens_are_charged_exactly_and_rounded_once() =>
        Prop.ForAll(Gen.Choose(0, 2_000_000_000).ToArbitrary(), Gen.Choose(0, 1_000_000).ToArbitrary(), (tokens, millionths) =>
        {
            var rate = millionths / 1_000_000m;
            // In whole numbers: billionths of a euro, then half up on positive values.
            var billionths = (Int128)tokens * millionths;
            var cents = (billionths + 5_000_000) / 10_000_000;
            return Money.OfTokens(tokens, rate) == (decimal)cents / 100m;
        }).QuickCheckThrowOnFailure();
}
