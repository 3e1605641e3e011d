namespace ControlPlane.Billing.Taxes;

/// <param name="Country">ISO 3166-1 alpha-2.</param>
/// <param name="Kind">standard or reduced.</param>
/// <param name="ValidFrom">The first day of the supplies that it is for.</param>
public sealed record TaxRate(string Country, string Kind, DateOnly ValidFrom, decimal Percent);

/// <summary>The VAT rates of countries with the days from which they apply.</summary>
public sealed class TaxRateTable(IReadOnlyList<TaxRate> rates)
{
    /// <returns>Percent; null when there is no rate for that day.</returns>
    public decimal? Percent(string country, string kind, DateOnly on) =>
        rates.Where(rate => rate.Country == country && rate.Kind == kind && rate.ValidFrom <= on).MaxBy(rate => rate.ValidFrom)?.Percent;

    /// <summary>All of them: a few rows a country.</summary>
    internal static readonly Statement Select = new("select country, kind, valid_from, percent from control.tax_rate");

    internal static TaxRate Read(Npgsql.NpgsqlDataReader row) => new(row.GetString(0), row.GetString(1), row.GetFieldValue<DateOnly>(2), row.GetDecimal(3));
}
