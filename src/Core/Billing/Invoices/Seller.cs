namespace ControlPlane.Billing.Invoices;

/// <summary>The issuer of the invoices and the taxes it charges. Validated at startup.</summary>
/// <param name="Address">Its lines, where no structured address is configured.</param>
/// <param name="TaxPercent">Rates in percent that replace those of the table; null: there are none.</param>
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
    /// <summary>Of the numbers of credit notes, which have a sequence of their own.</summary>
    public string CreditPrefix { get; init; } = "CR-";
    public TaxRegime Regime { get; init; } = TaxPercent is null ? TaxRegime.None : TaxRegime.Regular;
    /// <summary>Whether consumers in other EU countries pay the seller's rate. False: their own country's, declared through the one-stop shop.</summary>
    public bool TaxesConsumersAtHome { get; init; } = true;
    /// <summary>Whether the prices of plans, tokens and agreements include the tax, which is then taken out of them.</summary>
    public bool PricesIncludeTax { get; init; }
}

public enum TaxRegime
{
    /// <summary>No tax is configured.</summary>
    None,
    Regular,
    SmallBusiness,
}

/// <summary>VAT rates in percent. null: as the table says.</summary>
/// <param name="Domestic">Buyers in the seller's country.</param>
/// <param name="EuWithoutVatId">Buyers in other EU countries without a VAT ID that is confirmed.</param>
/// <param name="Elsewhere">Buyers outside the EU.</param>
public sealed record TaxRates(decimal? Domestic, decimal? EuWithoutVatId, decimal? Elsewhere);
