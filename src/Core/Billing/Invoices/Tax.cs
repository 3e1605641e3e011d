namespace ControlPlane.Billing.Invoices;

/// <summary>The issuer of the invoices and the taxes it charges. Validated at startup.</summary>
/// <param name="TaxPercent">Rates in percent; null: no tax is configured and none is charged.</param>
public sealed record Seller(
    string Name, IReadOnlyList<string> Address, string Country, string? VatId, string Email, string NumberPrefix, TaxRates? TaxPercent)
{
    /// <summary>The structured address; null where only <see cref="Address"/> is configured.</summary>
    public string? Street { get; init; }
    public string? PostalCode { get; init; }
    public string? City { get; init; }
    public string? Contact { get; init; }
    public string? Phone { get; init; }
    public string? TaxNumber { get; init; }
    /// <summary>Court and number: "Amtsgericht München, HRB 12345".</summary>
    public string? Register { get; init; }
    public string? Iban { get; init; }
    public string? Bic { get; init; }
    public string? Bank { get; init; }
}

/// <summary>VAT rates in percent.</summary>
/// <param name="Domestic">Buyers in the seller's country.</param>
/// <param name="EuWithoutVatId">Buyers in other EU countries without a VAT ID.</param>
/// <param name="Elsewhere">Buyers outside the EU.</param>
public sealed record TaxRates(decimal Domestic, decimal EuWithoutVatId, decimal Elsewhere);

public sealed record Buyer(string Organization, string Country, string? VatId)
{
    public string? AddressLine1 { get; init; }
    public string? AddressLine2 { get; init; }
    public string? PostalCode { get; init; }
    public string? City { get; init; }
    public string? State { get; init; }
    /// <summary>Where invoices are sent to; null: to the owners and billing members.</summary>
    public string? InvoiceEmail { get; init; }
    /// <summary>The buyer's own, such as an order number or a Leitweg-ID.</summary>
    public string? Reference { get; init; }
    /// <summary>en or de.</summary>
    public string Language { get; init; } = "en";
}

/// <param name="Rate">A fraction: 0.19.</param>
/// <param name="Label">null: no tax line is printed.</param>
/// <param name="Note">A sentence that the law requires on the invoice.</param>
public sealed record Tax(string? Label, decimal Rate, string? Note)
{
    static readonly HashSet<string> EuropeanUnion = new(StringComparer.Ordinal)
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT",
        "RO", "SE", "SI", "SK",
    };

    /// <summary>The domestic rate in the seller's country; reverse charge in other EU countries with a VAT ID (Directive 2006/112/EC, articles 44 and 196).</summary>
    public static Tax Of(Seller seller, Buyer buyer)
    {
        if (seller.TaxPercent is not { } rates)
        {
            return new Tax(null, 0, null);
        }

        if (buyer.Country == seller.Country)
        {
            return At(rates.Domestic);
        }

        if (EuropeanUnion.Contains(seller.Country) && EuropeanUnion.Contains(buyer.Country))
        {
            return buyer.VatId is null
                ? At(rates.EuWithoutVatId)
                : new Tax("VAT 0 % (reverse charge)", 0, "Reverse charge: the recipient is liable for the VAT (articles 44 and 196 of Directive 2006/112/EC).");
        }

        return At(rates.Elsewhere);
    }

    static Tax At(decimal percent) =>
        new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"VAT {percent:0.##} %"), percent / 100m, null);
}
