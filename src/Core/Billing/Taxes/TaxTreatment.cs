using System.Globalization;
using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Invoices;

namespace ControlPlane.Billing.Taxes;

/// <summary>How a supply is taxed.</summary>
/// <param name="Category">S, AE, O or E, as in EN 16931; null: no tax is configured and there is no breakdown.</param>
/// <param name="Rate">A fraction: 0.19.</param>
/// <param name="Label">null: no tax line is printed.</param>
/// <param name="Code">Why it is not taxed, from the list VATEX.</param>
/// <param name="Note">A sentence that the law requires on the invoice.</param>
public sealed record TaxTreatment(string? Category, decimal Rate, string? Label, string? Code = null, string? Note = null)
{
    /// <summary>The register's answer counts for this long before the invoice.</summary>
    static readonly TimeSpan ConfirmationCounts = TimeSpan.FromDays(365);

    static readonly HashSet<string> EuropeanUnion = new(StringComparer.Ordinal)
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT",
        "RO", "SE", "SI", "SK",
    };

    /// <summary>Whether a country belongs to the union in matters of VAT: Monaco does, Åland and France's overseas departments do not.</summary>
    public static bool IsEuropean(string country) => EuropeanUnion.Contains(VatId.TaxedAs(country));

    /// <summary>The rules for electronic services (Directive 2006/112/EC, articles 44, 45, 58, 196). Services to Northern Ireland are taxed as to a third country.</summary>
    /// <param name="supplied">The last day of the supply.</param>
    /// <param name="issued">When the invoice is written.</param>
    /// <param name="kind">standard or reduced.</param>
    /// <exception cref="InvalidOperationException">There is no rate for the country that has the right to tax.</exception>
    public static TaxTreatment Of(Seller seller, Buyer buyer, TaxRateTable rates, DateOnly supplied, DateTimeOffset issued, string kind = "standard")
    {
        var (home, away) = (VatId.TaxedAs(seller.Country), VatId.TaxedAs(buyer.Country));
        return seller.Regime switch
        {
            TaxRegime.None => new TaxTreatment(null, 0, null),
            TaxRegime.SmallBusiness => new TaxTreatment("E", 0, null, Note: SmallBusiness(home)),
            _ when home == away => At(Domestic()),
            _ when !EuropeanUnion.Contains(home) || !EuropeanUnion.Contains(away) => seller.TaxPercent?.Elsewhere is { } elsewhere and > 0
                ? At(elsewhere)
                : new TaxTreatment("O", 0, null, "VATEX-EU-O", $"Not taxable in {Countries.NameOf(home)} (articles 44 and 59 of Directive 2006/112/EC)."),
            _ when IsConfirmed(buyer, issued) => new TaxTreatment(
                "AE", 0, "VAT 0 % (reverse charge)", "VATEX-EU-AE",
                "Reverse charge: the recipient is liable for the VAT (articles 44 and 196 of Directive 2006/112/EC). Steuerschuldnerschaft des Leistungsempfängers."),
            _ => At(seller.TaxPercent?.EuWithoutVatId ?? (seller.TaxesConsumersAtHome ? Domestic() : Table(away))) with
            {
                Note = buyer.VatId is null ? null : "The VAT ID could not be confirmed in time by the register of the European Union (VIES), so VAT is charged.",
            },
        };

        decimal Domestic() => (kind == "standard" ? seller.TaxPercent?.Domestic : null) ?? Table(home);

        decimal Table(string country) => rates.Percent(country, kind, supplied)
            ?? throw new InvalidOperationException($"There is no {kind} VAT rate of {country} for {supplied:O}.");
    }

    static bool IsConfirmed(Buyer buyer, DateTimeOffset issued) =>
        buyer.VatId is { } id && VatId.IsEuropean(id) && buyer.VatIdConfirmedAt is { } at && at <= issued && issued - at <= ConfirmationCounts;

    static string SmallBusiness(string country) => country == "DE"
        ? "No VAT is charged: small business under section 19 UStG. Kein Ausweis von Umsatzsteuer, da Kleinunternehmer gemäß § 19 UStG."
        : "No VAT is charged: small enterprise (title XII, chapter 1 of Directive 2006/112/EC).";

    static TaxTreatment At(decimal percent) => new("S", percent / 100m, string.Create(CultureInfo.InvariantCulture, $"VAT {percent:0.##} %"));
}
