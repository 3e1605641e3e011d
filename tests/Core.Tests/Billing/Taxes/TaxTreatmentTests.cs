using ControlPlane.Tests.Billing.Invoices;

namespace ControlPlane.Tests.Billing.Taxes;

public class TaxTreatmentTests
{
    static readonly DateTimeOffset Issued = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly Seller ByTable = Bills.Untaxed with { Regime = TaxRegime.Regular };

    [Theory]
    [InlineData("DE", "DE123456788", true, "S", "0.16", "VAT 16 %")]
    [InlineData("FR", null, false, "S", "0.16", "VAT 16 %")]
    [InlineData("FR", "FR32123456789", false, "S", "0.16", "VAT 16 %")]
    [InlineData("FR", "FR32123456789", true, "AE", "0", "VAT 0 % (reverse charge)")]
    [InlineData("FR", "FR00000000000", true, "S", "0.16", "VAT 16 %")]
    [InlineData("MC", null, false, "S", "0.16", "VAT 16 %")]
    [InlineData("MC", "FR32123456789", true, "AE", "0", "VAT 0 % (reverse charge)")]
    [InlineData("CH", "CHE123456789MWST", false, "O", "0", null)]
    [InlineData("GB", "XI123456727", true, "O", "0", null)]
    [InlineData("AX", null, false, "O", "0", null)]
    [InlineData("RE", null, false, "O", "0", null)]
    public void The_buyer_and_what_the_register_says_decide_the_rate(string country, string? vatId, bool isConfirmed, string category, string rate, string? label)
    {
        var buyer = new Buyer("Acme", country, vatId) { VatIdConfirmedAt = isConfirmed ? Issued.AddDays(-30) : null };
        var tax = Of(ByTable, buyer);

        Assert.Equal((category, decimal.Parse(rate), label), (tax.Category, tax.Rate, tax.Label));
        Assert.Equal(category is "AE" or "O" || (vatId is not null && country is not "DE"), tax.Note is not null);
        Assert.Equal(category is "AE" or "O" ? $"VATEX-EU-{category}" : null, tax.Code);
    }

    [Theory]
    [InlineData(1, "S")]
    [InlineData(0, "AE")]
    [InlineData(-365, "AE")]
    [InlineData(-366, "S")]
    public void A_confirmation_counts_from_the_day_it_was_given_for_a_year(int days, string category) =>
        Assert.Equal(category, Of(ByTable, new Buyer("Acme", "FR", "FR32123456789") { VatIdConfirmedAt = Issued.AddDays(days) }).Category);

    [Theory]
    [InlineData("EE", "2025-06-30", "0.22")]
    [InlineData("EE", "2025-07-01", "0.24")]
    [InlineData("MC", "2025-07-01", "0.20")]
    public void With_the_one_stop_shop_consumers_pay_the_rate_of_their_country_on_the_day_of_supply(string country, string supplied, string rate) =>
        Assert.Equal(
            decimal.Parse(rate),
            TaxTreatment.Of(ByTable with { TaxesConsumersAtHome = false }, new Buyer("Ada", country, null), Bills.Rates, DateOnly.Parse(supplied), Issued).Rate);

    [Fact]
    public void Settings_replace_the_rates_of_the_table()
    {
        var seller = ByTable with { TaxPercent = new TaxRates(19, 17, 3) };

        Assert.Equal([0.19m, 0.17m, 0.03m], ((string[])["DE", "FR", "US"]).Select(country => Of(seller, new Buyer("Acme", country, null)).Rate));
        Assert.Equal("S", Of(seller, new Buyer("Acme", "US", null)).Category);
    }

    [Fact]
    public void Monaco_is_taxed_as_France() =>
        Assert.Equal(1.88m, Money.ToCents(9.90m * Of(Bills.German, new Buyer("Acme", "MC", null)).Rate));

    [Fact]
    public void A_small_business_charges_no_tax_and_says_why()
    {
        var tax = Of(Bills.Untaxed with { Regime = TaxRegime.SmallBusiness }, new Buyer("Acme", "DE", null));

        Assert.Equal(("E", 0m, null), (tax.Category, tax.Rate, tax.Label));
        Assert.Contains("§ 19 UStG", tax.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_configured_tax_there_is_no_tax_line() =>
        Assert.Equal(new TaxTreatment(null, 0, null), Of(Bills.Untaxed, new Buyer("Acme", "DE", null)));

    [Fact]
    public void Without_a_rate_for_the_day_no_invoice_is_written() =>
        Assert.Throws<InvalidOperationException>(() => Of(ByTable with { Country = "AT" }, new Buyer("Acme", "AT", null)));

    static TaxTreatment Of(Seller seller, Buyer buyer) => TaxTreatment.Of(seller, buyer, Bills.Rates, new DateOnly(2026, 4, 30), Issued);
}
