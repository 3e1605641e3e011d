using System.Text.Json;

namespace ControlPlane.Billing.Invoices;

/// <summary>A final invoice, as stored. Amounts are in <see cref="Currency"/>, with two decimals.</summary>
public sealed record Invoice
{
    public required Guid Id { get; init; }
    public required string Number { get; init; }
    public required Guid Tenant { get; init; }
    public required int Period { get; init; }
    public required DateOnly PeriodStart { get; init; }
    /// <summary>Exclusive.</summary>
    public required DateOnly PeriodEnd { get; init; }
    public required string Plan { get; init; }
    public required string Currency { get; init; }
    public required decimal BaseCharge { get; init; }
    public required long TokenUsage { get; init; }
    public required long OverageTokens { get; init; }
    public required decimal OverageCharge { get; init; }
    public required decimal NetAmount { get; init; }
    public required string? TaxLabel { get; init; }
    public required decimal TaxRate { get; init; }
    public required decimal Tax { get; init; }
    public required decimal TotalAmount { get; init; }
    public required Seller Seller { get; init; }
    public required Buyer Buyer { get; init; }
    public required IReadOnlyList<string> Notes { get; init; }
    public required string Status { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? PaidAt { get; init; }
    public IReadOnlyList<InvoiceLine> Lines { get; init; } = [];
    /// <summary>period, interim or top_up.</summary>
    public string Kind { get; init; } = "period";
    /// <summary>When it is charged, or until when a transfer has to arrive; null: it was written before invoices could be paid.</summary>
    public DateTimeOffset? DueAt { get; init; }
    /// <summary>Negative: a debt of earlier invoices is collected with it.</summary>
    public decimal BalanceUsed { get; init; }
    /// <summary>net or gross.</summary>
    public string Prices { get; init; } = "net";
    public IReadOnlyList<InvoiceTax> Taxes { get; init; } = [];

    /// <summary>What there was to collect when it was written.</summary>
    public decimal AmountDue => TotalAmount - BalanceUsed;
}

/// <summary>The tax of an invoice at one rate.</summary>
/// <param name="Category">S, AE, Z, O or E, as in EN 16931.</param>
/// <param name="Rate">A fraction: 0.19.</param>
/// <param name="Taxable">Sum of the rounded lines.</param>
/// <param name="Code">Why it is not taxed: VATEX-EU-AE.</param>
public sealed record InvoiceTax(string Category, decimal Rate, decimal Taxable, decimal Tax, string? Code, string? Note);

/// <summary>Reads the invoices that the transaction's role may see.</summary>
public static class InvoiceQueries
{
    /// <summary>A tenant's invoices, newest first, without their lines.</summary>
    /// <param name="before">The last invoice number of the previous page; null for the first page.</param>
    /// <returns>null when the tenant has no invoice <paramref name="before"/>.</returns>
    public static async Task<List<Invoice>?> InvoicesAsync(this Transaction transaction, Guid tenant, string? before, int limit, CancellationToken ct)
    {
        var period = string.IsNullOrEmpty(before)
            ? int.MaxValue
            : await transaction.ScalarAsync<int?>("select period from control.invoice where tenant_id = $1 and number = $2", ct, tenant, before);
        return period is null ? null : await transaction.QueryAsync($"{Select} where tenant_id = $1 and period < $2 order by period desc limit $3", Read, ct, tenant, period, limit);
    }

    /// <returns>null when the tenant has no invoice of this number.</returns>
    public static async Task<Invoice?> InvoiceAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) =>
        await transaction.FirstAsync($"{Select} where tenant_id = $1 and number = $2", Read, ct, tenant, number) is { } invoice
            ? (await transaction.WithLinesAsync([invoice], ct))[0]
            : null;

    /// <summary>The PDF as it was sent; null when the tenant has no invoice of this number.</summary>
    public static Task<byte[]?> InvoicePdfAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) =>
        transaction.ScalarAsync<byte[]>(
            "select content from control.invoice_pdf p join control.invoice i on i.id = p.invoice_id where i.tenant_id = $1 and i.number = $2", ct, tenant, number);

    /// <summary>The same invoices with their lines.</summary>
    public static async Task<List<Invoice>> WithLinesAsync(this Transaction transaction, IReadOnlyCollection<Invoice> invoices, CancellationToken ct)
    {
        var lines = await transaction.QueryAsync(
            SelectLines,
            row => (Invoice: row.GetGuid(0), Line: new InvoiceLine(
                Enum.Parse<LineKind>(row.GetString(1), ignoreCase: true), row.GetString(2), row.GetInt64(3), row.GetDecimal(4), row.GetDecimal(5), row.GetDecimal(6))),
            ct, invoices.Select(invoice => invoice.Id).ToArray());
        var byInvoice = lines.ToLookup(line => line.Invoice, line => line.Line);
        return [.. invoices.Select(invoice => invoice with { Lines = [.. byInvoice[invoice.Id]] })];
    }

    static Invoice Read(Npgsql.NpgsqlDataReader row) => new()
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

    const string SelectLines = """
        select invoice_id, kind, description, tokens, quantity, unit_price, amount from control.invoice_line
        where invoice_id = any($1) order by invoice_id, ordinal
        """;
}
