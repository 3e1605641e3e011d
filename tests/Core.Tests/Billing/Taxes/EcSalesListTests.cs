namespace ControlPlane.Tests.Billing.Taxes;

public class EcSalesListTests
{
    static readonly DateOnly From = new(2026, 4, 1);
    static readonly DateOnly To = new(2026, 7, 1);

    [Fact]
    public void Each_VAT_id_has_one_line_with_corrections_taken_off()
    {
        var list = Of(Row("INV-1", "FR40303265045", 100.40m), Row("INV-2", "ATU12345675", 20), Row("INV-3", "FR40303265045", 10.10m), Row("CR-1", "FR40303265045", -30, isCorrection: true));
        Assert.Equal(
            [new EcSale("ATU12345675", "Acme", 20, 1, 0), new EcSale("FR40303265045", "Acme", 80.50m, 2, 1)], list.Sales);
        Assert.Equal((100.50m, 0), (list.Total, list.Warnings.Count));
    }

    [Fact]
    public void What_cannot_be_filed_is_a_warning()
    {
        var list = Of(Row("INV-1", null, 5), Row("INV-2", "FR40303265045", 7, isConfirmed: false), Row("INV-3", "ATU12345675", 9));
        Assert.Equal(["INV-1", "INV-2"], list.Warnings.Select(warning => warning.Document));
        Assert.Equal(16, list.Total);
    }

    [Fact]
    public void The_file_has_whole_euros_beside_the_cents() => Assert.Equal(
        "country_code,vat_number,buyer,services_eur,services_whole_eur,invoices,corrections\r\nEL,094259216,Acme,99.50,100,1,0\r\nFR,40303265045,Acme,-1.25,-1,0,1\r\n",
        Of(Row("INV-1", "EL094259216", 99.5m), Row("CR-1", "FR40303265045", -1.25m, isCorrection: true)).Csv());

    [Theory]
    [InlineData("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\"")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\tx", "'\tx")]
    [InlineData("A, B", "\"A, B\"")]
    [InlineData("A-B", "A-B")]
    public void No_name_is_a_formula_or_a_column(string buyer, string cell) =>
        Assert.Contains($"FR,40303265045,{cell},5.00,", Of(Row("INV-1", "FR40303265045", 5) with { Buyer = buyer }).Csv(), StringComparison.Ordinal);

    [Fact]
    public void A_VAT_id_that_is_none_breaks_nothing() => Assert.Contains("'=,,Acme", Of(Row("INV-1", "=", 5)).Csv(), StringComparison.Ordinal);

    static EcSalesList Of(params EcSalesRow[] rows) => EcSalesList.Of(From, To, rows);

    static EcSalesRow Row(string document, string? vatId, decimal amount, bool isCorrection = false, bool isConfirmed = true) => new(document, isCorrection, vatId, "Acme", amount, isConfirmed);
}
