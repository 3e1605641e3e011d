namespace ControlPlane.Billing.Invoices;

/// <summary>Who issues the invoices, and which taxes apply. Checked at start.</summary>
/// <param name="TaxPercent">Rates in percent; null: no tax is configured and none is charged.</param>
public sealed record Seller(
    string Name, IReadOnlyList<string> Address, string Country, string? VatId, string Email, string NumberPrefix, TaxRates? TaxPercent);

/// <summary>VAT rates in percent.</summary>
/// <param name="Domestic">Buyers in the seller's country.</param>
/// <param name="EuWithoutVatId">Buyers elsewhere in the EU who gave no VAT id.</param>
/// <param name="Elsewhere">Buyers outside the EU.</param>
public sealed record TaxRates(decimal Domestic, decimal EuWithoutVatId, decimal Elsewhere);

public sealed record Buyer(string Organization, string Country, string? VatId);

/// <param name="Rate">A fraction: 0.19.</param>
/// <param name="Label">null: no tax line is printed.</param>
/// <param name="Note">A sentence the law wants on the invoice.</param>
public sealed record Tax(string? Label, decimal Rate, string? Note)
{
    static readonly HashSet<string> EuropeanUnion = new(StringComparer.Ordinal)
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT",
        "RO", "SE", "SI", "SK",
    };

    /// <summary>Domestic rate at home; reverse charge within the EU with a VAT id (Directive 2006/112/EC, articles 44 and 196).</summary>
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
