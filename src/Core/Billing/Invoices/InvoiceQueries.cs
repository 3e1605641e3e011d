using System.Text.Json;
using Npgsql;

namespace ControlPlane.Billing.Invoices;

/// <summary>Reads the invoices that the transaction's role may see.</summary>
public static class InvoiceQueries
{
    /// <summary>A tenant's invoices, newest first, without their lines.</summary>
    /// <param name="before">The last invoice number of the previous page; null for the first page.</param>
    /// <returns>null when the tenant has no invoice <paramref name="before"/>.</returns>
    public static async Task<List<Invoice>?> InvoicesAsync(this Transaction transaction, Guid tenant, string? before, int limit, CancellationToken ct)
    {
        var isFirst = string.IsNullOrEmpty(before);
        return isFirst || await transaction.ScalarAsync<bool>("select exists (select from control.invoice where tenant_id = $1 and number = $2)", ct, tenant, before)
            ? await transaction.QueryAsync($"{Select} {NewestFirst}", Read, ct, tenant, isFirst ? null : before, limit)
            : null;
    }

    /// <returns>null when the tenant has no invoice of this number.</returns>
    public static async Task<Invoice?> InvoiceAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) =>
        await transaction.FirstAsync($"{Select} where tenant_id = $1 and number = $2", Read, ct, tenant, number) is { } invoice
            ? (await transaction.WithLinesAsync([invoice], ct))[0]
            : null;

    /// <returns>null when there is no such invoice.</returns>
    internal static async Task<Invoice?> InvoiceByIdAsync(this Transaction transaction, Guid id, CancellationToken ct) =>
        await transaction.FirstAsync($"{Select} where id = $1", Read, ct, id) is { } invoice ? (await transaction.WithLinesAsync([invoice], ct))[0] : null;

    /// <summary>Of any tenant that the transaction's role may see.</summary>
    /// <returns>null when there is no such invoice.</returns>
    public static async Task<Invoice?> InvoiceByNumberAsync(this Transaction transaction, string number, CancellationToken ct) =>
        await transaction.FirstAsync($"{Select} where number = $1", Read, ct, number) is { } invoice ? (await transaction.WithLinesAsync([invoice], ct))[0] : null;

    /// <summary>The PDF as it was sent; null when the tenant has no invoice of this number, or its document is being written.</summary>
    public static Task<byte[]?> InvoicePdfAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) =>
        transaction.ScalarAsync<byte[]>(
            "select content from control.invoice_pdf p join control.invoice i on i.id = p.invoice_id where i.tenant_id = $1 and i.number = $2", ct, tenant, number);

    /// <summary>The same invoices with their lines and taxes.</summary>
    public static async Task<List<Invoice>> WithLinesAsync(this Transaction transaction, IReadOnlyCollection<Invoice> invoices, CancellationToken ct)
    {
        var ids = invoices.Select(invoice => invoice.Id).ToArray();
        var lines = (await transaction.QueryAsync(SelectLines, row => (Invoice: row.GetGuid(0), Line: ReadLine(row)), ct, ids)).ToLookup(row => row.Invoice, row => row.Line);
        var taxes = (await transaction.QueryAsync(SelectTaxes, row => (Invoice: row.GetGuid(0), Tax: new InvoiceTax(
            row.GetString(1), row.GetDecimal(2), row.GetDecimal(3), row.GetDecimal(4), row.Get<string>(5), row.Get<string>(6))), ct, ids)).ToLookup(row => row.Invoice, row => row.Tax);
        return [.. invoices.Select(invoice => invoice with { Lines = [.. lines[invoice.Id]], Taxes = [.. taxes[invoice.Id]] })];
    }

    static InvoiceLine ReadLine(NpgsqlDataReader row) => new(
        Enum.Parse<LineKind>(row.GetString(1).Replace("_", "", StringComparison.Ordinal), ignoreCase: true), row.GetString(2), row.GetInt64(3), row.GetDecimal(4), row.GetDecimal(5), row.GetDecimal(6))
    {
        OfPeriod = row.Get<int?>(7),
        SegmentFrom = row.Get<DateTimeOffset?>(8),
        SegmentTo = row.Get<DateTimeOffset?>(9),
        Plan = row.Get<string>(10),
        TermsFrom = row.Get<DateTimeOffset?>(11),
        TaxCategory = row.Get<string>(12),
        TaxRate = row.Get<decimal?>(13),
        Adjustment = row.Get<Guid?>(14),
    };

    static Invoice Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Number = row.GetString(1),
        Tenant = row.GetGuid(2),
        Period = row.GetInt32(3),
        PeriodStart = row.GetFieldValue<DateOnly>(4),
        PeriodEnd = row.GetFieldValue<DateOnly>(5),
        Plan = row.GetString(6),
        Currency = row.GetString(7),
        BaseCharge = row.GetDecimal(8),
        TokenUsage = row.GetInt64(9),
        OverageTokens = row.GetInt64(10),
        OverageCharge = row.GetDecimal(11),
        NetAmount = row.GetDecimal(12),
        TaxLabel = row.Get<string>(13),
        TaxRate = row.GetDecimal(14),
        Tax = row.GetDecimal(15),
        TotalAmount = row.GetDecimal(16),
        Seller = JsonSerializer.Deserialize<Seller>(row.GetString(17))!,
        Buyer = JsonSerializer.Deserialize<Buyer>(row.GetString(18))!,
        Notes = JsonSerializer.Deserialize<List<string>>(row.GetString(19))!,
        Status = row.GetString(20),
        CreatedAt = row.GetFieldValue<DateTimeOffset>(21),
        PaidAt = row.Get<DateTimeOffset?>(22),
        Kind = row.GetString(23),
        DueAt = row.Get<DateTimeOffset?>(24),
        BalanceUsed = row.GetDecimal(25),
        Prices = row.GetString(26),
    };

    const string Select = """
        select id, number, tenant_id, period, period_start, period_end, plan, currency, base_charge, token_usage, overage_tokens, overage_charge,
               net_amount, tax_label, tax_rate, tax, total_amount, seller, buyer, notes, status, created_at, paid_at, kind, due_at, balance_used, prices
        from control.invoice
        """;

    // Several may be written at one instant, with rising numbers.
    const string NewestFirst = """
        where tenant_id = $1 and ($2::text is null or (created_at, number) < (select b.created_at, b.number from control.invoice b where b.tenant_id = $1 and b.number = $2))
        order by created_at desc, number desc limit $3
        """;

    const string SelectLines = """
        select invoice_id, kind, description, tokens, quantity, unit_price, amount, of_period, segment_from, segment_to, plan, terms_from, tax_category, tax_rate, adjustment_id
        from control.invoice_line where invoice_id = any($1) order by invoice_id, ordinal
        """;

    const string SelectTaxes = """
        select invoice_id, category, rate, taxable, tax, code, note from control.invoice_tax where invoice_id = any($1) order by invoice_id, ordinal
        """;
}
