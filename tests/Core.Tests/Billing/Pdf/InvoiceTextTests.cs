using System.Globalization;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Pdf;

public class InvoiceTextTests
{
    [Theory]
    [InlineData("0", "0.00")]
    [InlineData("-1234567.5", "-1,234,567.50")]
    [InlineData("0.0025", "0.0025")]
    [InlineData("79228162514264337593543950335", "79,228,162,514,264,337,593,543,950,335.00")]
    [InlineData("0.0000000000000000000000000001", "0.0000000000000000000000000001")]
    public void An_amount_shows_thousands_and_all_its_decimals(string amount, string expected) =>
        Assert.Equal(expected, InvoiceText.Amount(decimal.Parse(amount, CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData(1.0, "month", "1 month")]
    [InlineData(350000.0, "tokens", "350,000 tokens")]
    [InlineData(350.5, "1,000 tokens", "350.5 × 1,000 tokens")]
    [InlineData(2.0, null, "2")]
    [InlineData(null, null, "")]
    public void A_quantity_is_shown_with_its_unit(double? quantity, string? unit, string expected) =>
        Assert.Equal(expected, InvoiceText.Quantity((decimal?)quantity, unit));

    [Fact]
    public void A_period_is_shown_with_its_last_day_inclusive() =>
        Assert.Equal("31 January 2028 to 28 February 2028", InvoiceText.Period(new DateOnly(2028, 1, 31), new DateOnly(2028, 2, 29)));
}
