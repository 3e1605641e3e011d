namespace ControlPlane.Tests.Billing.Payments;

public class PaymentProposalsTests
{
    static readonly Guid Acme = new(1, 0, 0, new byte[8]);
    static readonly Guid Mueller = new(2, 0, 0, new byte[8]);
    static readonly HashSet<Guid> NoTenants = [];

    static readonly List<OpenTransfer> Open = [new("INV-000001", Acme, "Acme GmbH", 9.90m), new("INV-000002", Mueller, "Müller & Söhne GmbH & Co. KG", 49.90m), new("INV-000003", Acme, "Acme GmbH", 14.58m)];

    [Fact]
    public void What_has_more_in_common_comes_first()
    {
        var found = PaymentProposals.For(14.58m, "ACME GMBH", new HashSet<Guid> { Acme }, Open);
        Assert.Equal(["INV-000003", "INV-000001"], found.Select(proposal => proposal.Invoice));
        Assert.Equal(["iban", "name", "amount"], found[0].Because);
        Assert.Equal(["iban", "name"], found[1].Because);
    }

    [Theory]
    [InlineData("Müller & Söhne")]
    [InlineData("MUELLER SOEHNE GMBH")]
    [InlineData("Muller, Sohne GmbH")]
    [InlineData("Mueller + Soehne GmbH+Co.KG")]
    [InlineData("MÜLLER")]
    public void A_name_is_found_however_banks_write_it(string payer) =>
        Assert.Equal("INV-000002", Assert.Single(PaymentProposals.For(1m, payer, NoTenants, Open)).Invoice);

    [Theory]
    [InlineData("GmbH")]
    [InlineData("Co KG")]
    [InlineData("Ac")]
    [InlineData("Maier")]
    [InlineData("")]
    [InlineData(null)]
    public void A_legal_form_or_another_name_is_no_name_in_common(string? payer) => Assert.Empty(PaymentProposals.For(1m, payer, NoTenants, Open));

    [Fact]
    public void An_amount_alone_proposes_an_invoice_unless_many_have_it()
    {
        Assert.Equal("INV-000002", Assert.Single(PaymentProposals.For(49.90m, "A stranger", NoTenants, Open)).Invoice);
        List<OpenTransfer> alike = [.. Enumerable.Range(0, 4).Select(n => new OpenTransfer($"INV-{n}", new Guid(n, 1, 0, new byte[8]), $"Buyer {n}", 9.90m))];
        Assert.Equal(3, PaymentProposals.For(9.90m, "A stranger", NoTenants, alike[..3]).Count);
        Assert.Empty(PaymentProposals.For(9.90m, "A stranger", NoTenants, alike));
    }

    [Fact]
    public void At_most_three_are_proposed_the_longest_due_first()
    {
        List<OpenTransfer> alike = [.. Enumerable.Range(0, 9).Select(n => new OpenTransfer($"INV-{n}", Acme, "Acme GmbH", 9.90m))];
        Assert.Equal(["INV-0", "INV-1", "INV-2"], PaymentProposals.For(9.90m, "Acme", NoTenants, alike).Select(proposal => proposal.Invoice));
    }

    [Fact]
    public void Money_that_left_the_account_pays_nothing() => Assert.Empty(PaymentProposals.For(-9.90m, "Acme GmbH", new HashSet<Guid> { Acme }, Open));
}
