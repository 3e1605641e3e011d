namespace ControlPlane.Tests.Accounts;

public class OrganizationTests
{
    static readonly Organization Complete = new(
        "Müller GmbH", "Hauptstraße 1", null, "10115", "Berlin", null, "DE", "rechnung@mueller.example", "04011000-12345-39", null, "de");

    [Fact]
    public void A_complete_organization_is_valid_and_misses_nothing()
    {
        Assert.Empty(Complete.Validate());
        Assert.Empty(Complete.MissingForInvoice());
    }

    [Fact]
    public void Empty_fields_become_null_and_codes_capital()
    {
        var normal = (Complete with { Line2 = "  ", Country = "de", VatId = "de 123.456 788", Language = "DE", City = " Berlin " }).Normalize();
        Assert.Equal((null, "DE", "DE123456788", "de", "Berlin"), (normal.Line2, normal.Country, normal.VatId, normal.Language, normal.City));
    }

    [Fact]
    public void Each_wrong_field_is_named()
    {
        var wrong = new Organization(
            "", new string('x', 201), "a\nb", new string('1', 21), new string('x', 101), new string('x', 101), "XX", "nobody", new string('x', 201), "DE123456788", "fr");
        Assert.Equal(
            ["city", "country", "invoice_email", "language", "line1", "line2", "name", "postal_code", "reference", "state"], wrong.Validate().Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["vat_id"], (Complete with { VatId = "ATU12345678" }).Validate().Keys);
    }

    [Fact]
    public void An_invoice_needs_street_postal_code_and_city_where_there_are_postal_codes()
    {
        var empty = Complete with { Line1 = null, PostalCode = null, City = null };
        Assert.Empty(empty.Validate());
        Assert.Equal(["line1", "postal_code", "city"], empty.MissingForInvoice().Keys);
        Assert.Empty((Complete with { Country = "HK", PostalCode = null }).MissingForInvoice());
    }
}
