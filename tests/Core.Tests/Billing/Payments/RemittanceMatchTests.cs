namespace ControlPlane.Tests.Billing.Payments;

public class RemittanceMatchTests
{
    [Theory]
    [InlineData("INV-000012")]
    [InlineData("Invoice inv-000012 of 1 April 2026")]
    [InlineData("RECHNUNG INV000012")]
    [InlineData("INV 000 012")]
    [InlineData("INV-0000\n12 Kd. 4711")]
    [InlineData("EREF+NOTPROVIDED SVWZ+INV-000012/2026")]
    public void A_number_is_found_however_it_is_written(string remittance) => Assert.Equal("INV-000012", RemittanceMatch.NumberIn(remittance, ["INV-000011", "INV-000012"]));

    [Theory]
    [InlineData("")]
    [InlineData("Thanks")]
    [InlineData("INV-0000123")]
    [InlineData("INV-00012")]
    [InlineData("000012")]
    [InlineData("INV-000011 and INV-000012")]
    public void Nothing_is_guessed(string remittance) => Assert.Null(RemittanceMatch.NumberIn(remittance, ["INV-000011", "INV-000012"]));

    [Fact]
    public void A_number_of_digits_only_is_not_part_of_another_one()
    {
        Assert.Equal("2026012", RemittanceMatch.NumberIn("No. 2026012", ["2026012", "12"]));
        Assert.Null(RemittanceMatch.NumberIn("12026012", ["2026012"]));
    }
}
