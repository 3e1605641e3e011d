using ControlPlane.Tests.Billing.Invoices;
using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Billing.Taxes;

public class GrossPricesTests
{
    static readonly Seller Gross = Bills.German with { PricesIncludeTax = true };

    [Theory]
    [InlineData(9.90, 19, 8.32)]
    [InlineData(49.90, 19, 41.93)]
    [InlineData(0.12, 19, 0.10)]
    [InlineData(0.09, 19, 0.07)]
    [InlineData(9.90, 0, 9.90)]
    [InlineData(0, 19, 0)]
    [InlineData(-9.90, 19, -8.32)]
    [InlineData(10, 25.5, 7.97)]
    public void The_tax_is_taken_out_of_the_price(double gross, double percent, double net) =>
        Assert.Equal((decimal)net, GrossPrices.Net((decimal)gross, (decimal)percent / 100m));

    [Fact]
    public void No_cent_more_is_taken_than_the_price_and_at_most_one_less() =>
        Prop.ForAll(Gen.Choose(0, 100_000_000).ToArbitrary(), Gen.Choose(0, 2_700).ToArbitrary(), (cents, rate) =>
        {
            var (gross, fraction) = (cents / 100m, rate / 10_000m);
            var net = GrossPrices.Net(gross, fraction);
            var next = net + 0.01m;
            return gross - net - Money.ToCents(net * fraction) is 0 or 0.01m && next + Money.ToCents(next * fraction) > gross;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_invoice_at_gross_prices_comes_to_what_they_add_up_to() =>
        Prop.ForAll(Gen.Choose(0, 12_000_000).ToArbitrary(), Gen.Choose(0, 12_000_000).ToArbitrary(), Gen.Elements("DE", "FR", "CH", "EE").ToArbitrary(), (inTime, late, country) =>
        {
            var facts = Bills.Facts(Gross with { TaxPercent = null }, inTime) with
            {
                Buyer = new Buyer("Acme", country, null),
                Late = [new LateUsage(Bills.March, Bills.Segments(Bills.March, "2026-03-01T00:00Z premium"), [0], [late])],
            };
            var atNet = InvoiceDraft.Of(facts with { Seller = Bills.Untaxed }).Invoice;
            var invoice = InvoiceDraft.Of(facts).Invoice;
            return atNet.TotalAmount - invoice.TotalAmount is 0 or 0.01m
                && invoice.NetAmount == invoice.Lines.Sum(line => line.Amount)
                && invoice.Taxes.All(tax => tax.Taxable == invoice.Lines.Sum(line => line.Amount) && tax.Tax == Money.ToCents(tax.Taxable * tax.Rate))
                && invoice.Lines.Zip(atNet.Lines).All(pair => Math.Abs(pair.First.Amount - pair.Second.Amount / (1 + (pair.First.TaxRate ?? 0))) <= 0.02m);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_price_of_a_unit_is_net_too()
    {
        var invoice = InvoiceDraft.Of(Bills.Facts(Gross)).Invoice;
        Assert.Equal([8.32m, 0m, 1.97m], invoice.Lines.Select(line => line.Amount));
        Assert.Equal([8.32m, 0m, 0.008403m], invoice.Lines.Select(line => line.UnitPrice));
        Assert.Equal(("gross", 10.29m, 1.96m, 12.25m), (invoice.Prices, invoice.NetAmount, invoice.Tax, invoice.TotalAmount));
        Assert.Contains(invoice.Notes, note => note.Contains("include VAT", StringComparison.Ordinal));
    }

    [Fact]
    public void Who_pays_no_VAT_pays_the_same_price()
    {
        var invoice = InvoiceDraft.Of(Bills.Facts(Gross) with { Buyer = new Buyer("Acme AG", "CH", null) }).Invoice;
        Assert.Equal((12.25m, 0m, 12.25m), (invoice.NetAmount, invoice.Tax, invoice.TotalAmount));
    }

    [Fact]
    public void A_whole_correction_takes_back_the_gross_price()
    {
        var invoice = InvoiceDraft.Of(Bills.Facts(Gross)).Invoice;
        Assert.Equal(12.25m, CreditNoteAmounts.Rest(invoice, [])!.Total);
    }
}
