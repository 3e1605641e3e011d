using System.Globalization;
using System.Text;

namespace ControlPlane.Billing.Taxes;

/// <summary>Services to one customer for which the customer owes the VAT.</summary>
/// <param name="VatId">As it stood on the invoices; "EL" for Greece.</param>
/// <param name="Amount">EUR before tax, corrections taken off; may be negative.</param>
public sealed record EcSale(string VatId, string Buyer, decimal Amount, int Invoices, int Corrections);

/// <summary>Reverse charge that the list cannot be filed with as it is.</summary>
/// <param name="Document">Number of the invoice or correction.</param>
/// <param name="Amount">EUR before tax.</param>
public sealed record EcSalesWarning(string Document, string Buyer, string? VatId, decimal Amount, string Problem);

/// <param name="Amount">EUR before tax; negative: a correction.</param>
/// <param name="IsConfirmed">Whether the register had confirmed the VAT id when the invoice was written.</param>
public sealed record EcSalesRow(string Document, bool IsCorrection, string? VatId, string Buyer, decimal Amount, bool IsConfirmed);

/// <summary>
/// The recapitulative statement of services (Zusammenfassende Meldung, § 18a UStG): reverse charge per customer. A service counts in the period in which its supply ended, a correction in
/// the one in which it was made.
/// </summary>
/// <param name="To">Exclusive.</param>
public sealed record EcSalesList(DateOnly From, DateOnly To, IReadOnlyList<EcSale> Sales, IReadOnlyList<EcSalesWarning> Warnings)
{
    public decimal Total => Sales.Sum(sale => sale.Amount);

    /// <param name="rows">In the order of their numbers.</param>
    public static EcSalesList Of(DateOnly from, DateOnly to, IReadOnlyList<EcSalesRow> rows) => new(
        from, to,
        [.. from row in rows
            where row.VatId is not null
            group row by row.VatId into customer
            orderby customer.Key
            select new EcSale(
                customer.Key, customer.Last().Buyer, customer.Sum(row => row.Amount), customer.Count(row => !row.IsCorrection), customer.Count(row => row.IsCorrection))],
        [.. rows.Where(row => row.VatId is null || !row.IsConfirmed).Select(row => new EcSalesWarning(
            row.Document, row.Buyer, row.VatId, row.Amount,
            row.VatId is null ? "There is no VAT ID, so it is not on the list." : "The register had not confirmed the VAT ID when the invoice was written."))]);

    /// <summary>One line for each customer; the tax office takes whole euros.</summary>
    public string Csv()
    {
        var csv = new StringBuilder("country_code,vat_number,buyer,services_eur,services_whole_eur,invoices,corrections\r\n");
        foreach (var sale in Sales)
        {
            csv.Append(CultureInfo.InvariantCulture, $"{Cell(sale.VatId[..Math.Min(2, sale.VatId.Length)])},{Cell(sale.VatId[Math.Min(2, sale.VatId.Length)..])},{Cell(sale.Buyer)},")
                .Append(CultureInfo.InvariantCulture, $"{sale.Amount:0.00},{Math.Round(sale.Amount, MidpointRounding.AwayFromZero):0},{sale.Invoices},{sale.Corrections}\r\n");
        }

        return csv.ToString();
    }

    // Spreadsheets run a text that begins like a formula. An apostrophe makes it a text again.
    static string Cell(string text)
    {
        var safe = text is ['=' or '+' or '-' or '@' or '\t' or '\r' or '\n', ..] ? $"'{text}" : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n") < 0 ? safe : $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}

public static class EcSalesLists
{
    /// <param name="to">Exclusive.</param>
    public static async Task<EcSalesList> EcSalesListAsync(this Transaction transaction, DateOnly from, DateOnly to, CancellationToken ct) => EcSalesList.Of(
        from, to,
        await transaction.QueryAsync(
            Rows, row => new EcSalesRow(row.GetString(0), row.GetBoolean(1), row.Get<string>(2), row.Get<string>(3) ?? "", row.GetDecimal(4), row.GetBoolean(5)), ct, from, to));

    // What is paid in advance is supplied later, but taxed when it is invoiced.
    const string Rows = """
        select i.number, false, nullif(i.buyer ->> 'VatId', ''), i.buyer ->> 'Organization', t.taxable, i.buyer ->> 'VatIdConfirmedAt' is not null
        from control.invoice i join control.invoice_tax t on t.invoice_id = i.id
        where t.category = 'AE' and least(i.period_end - 1, (i.created_at at time zone 'UTC')::date) >= $1
          and least(i.period_end - 1, (i.created_at at time zone 'UTC')::date) < $2
        union all
        select n.number, true, nullif(n.buyer ->> 'VatId', ''), n.buyer ->> 'Organization', -(t ->> 'Taxable')::numeric, n.buyer ->> 'VatIdConfirmedAt' is not null
        from control.credit_note n cross join lateral jsonb_array_elements(n.taxes) t
        where t ->> 'Category' = 'AE' and (n.created_at at time zone 'UTC')::date >= $1 and (n.created_at at time zone 'UTC')::date < $2
        order by 2, 1
        """;
}
