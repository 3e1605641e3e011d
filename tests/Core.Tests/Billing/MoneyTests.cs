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

    [Fact]
    public void Shares_of_an_amount_add_up_to_it_and_are_less_than_a_cent_from_exact() =>
        Prop.ForAll(Gen.Choose(0, 2_000_000_000).ToArbitrary(), Gen.Choose(0, 10_000_000).NonEmptyListOf().Where(weights => weights.Sum(w => (long)w) > 0).ToArbitrary(),
            (cents, weights) =>
            {
                var amount = cents / 100m;
                var total = weights.Sum(weight => (decimal)weight);
                var shares = Money.Split(amount, [.. weights.Select(weight => (long)weight)]);
                return shares.Sum() == amount && shares.Zip(weights).All(pair =>
                    pair.First >= 0 && pair.First == Money.ToCents(pair.First) && Math.Abs(pair.First - (amount * pair.Second / total)) <= 0.01m && (pair.Second > 0 || pair.First == 0));
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Without_weights_there_are_no_shares() => Assert.Empty(Money.Split(9.90m, []));
}
