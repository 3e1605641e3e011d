namespace ControlPlane.Tests.Billing.Invoices;

public class TaxTests
{
    static readonly TaxRates Rates = new(19, 19, 0);

    [Theory]
    [InlineData("DE", "DE123456789", "0.19", "VAT 19 %")]
    [InlineData("DE", null, "0.19", "VAT 19 %")]
    [InlineData("FR", "FR12345678901", "0", "VAT 0 % (reverse charge)")]
    [InlineData("FR", null, "0.19", "VAT 19 %")]
    [InlineData("CH", null, "0", "VAT 0 %")]
    public void The_buyer_decides_the_rate(string country, string? vatId, string rate, string label)
    {
        var tax = Tax.Of(SellerWith(Rates), new Buyer("Acme", country, vatId));

        Assert.Equal((decimal.Parse(rate), label), (tax.Rate, tax.Label));
    }

    [Fact]
    public void Without_a_configured_rate_there_is_no_tax_line() =>
        Assert.Equal(new Tax(null, 0, null), Tax.Of(SellerWith(null), new Buyer("Acme", "DE", null)));

    [Fact]
    public void The_total_is_the_lines_and_the_tax_on_their_sum()
    {
        var subscription = new Subscription(Guid.Empty, "basic", "active", default, new DateOnly(2026, 1, 1), null, 1, null, null);
        var period = BillingPeriod.Of(subscription.Anchor, 1);
        var lines = InvoiceCalculation.Lines(period, new PeriodTerms("Basic", 9.90m, 1_000_000, 0.01m), 1_234_567, []);

        var invoice = InvoiceDraft.Of(subscription, period, lines, SellerWith(Rates), new Buyer("Acme", "DE", null));

        Assert.Equal((9.90m, 2.35m, 12.25m, 2.33m, 14.58m), (invoice.BaseCharge, invoice.OverageCharge, invoice.NetAmount, invoice.Tax, invoice.TotalAmount));
        Assert.Equal((1_234_567, 234_567), (invoice.TokenUsage, invoice.OverageTokens));
    }

    static Seller SellerWith(TaxRates? rates) => new("Seller", [], "DE", null, "billing@example.com", "INV-", rates);
}
