using System.Text.Json;
using ControlPlane.Database;

namespace ControlPlane.Http.Portal.MemberPages;

public sealed record InvoiceSummary(string Number, DateOnly PeriodStart, DateOnly PeriodEnd, decimal Total, string Status, DateTimeOffset CreatedAt);

public sealed record InvoiceLineView(string Description, decimal Quantity, decimal UnitPrice, decimal Amount);

/// <param name="PeriodEnd">Exclusive.</param>
public sealed record InvoiceView(
    string Number, DateOnly PeriodStart, DateOnly PeriodEnd, decimal Net, string? TaxLabel, decimal TaxRate, decimal Tax, decimal Total, string Status,
    DateTimeOffset CreatedAt, DateTimeOffset? PaidAt, IReadOnlyList<string> Notes, IReadOnlyList<InvoiceLineView> Lines);

/// <summary>Invoices as the portal shows them; what may be seen is up to the transaction's tenant.</summary>
static class InvoiceViews
{
    public static Task<List<InvoiceSummary>> InvoicesAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync(
            List,
            row => new InvoiceSummary(
                row.GetString(0), row.GetFieldValue<DateOnly>(1), row.GetFieldValue<DateOnly>(2), row.GetDecimal(3), row.GetString(4),
                row.GetFieldValue<DateTimeOffset>(5)),
            ct, tenant);

    /// <returns>null when the tenant has no invoice of that number.</returns>
    public static async Task<InvoiceView?> InvoiceAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct)
    {
        var lines = await transaction.QueryAsync(
            Lines, row => new InvoiceLineView(row.GetString(0), row.GetDecimal(1), row.GetDecimal(2), row.GetDecimal(3)), ct, tenant, number);
        return await transaction.FirstAsync(
            One,
            row => new InvoiceView(
                row.GetString(0), row.GetFieldValue<DateOnly>(1), row.GetFieldValue<DateOnly>(2), row.GetDecimal(3), row.Get<string>(4),
                row.GetDecimal(5), row.GetDecimal(6), row.GetDecimal(7), row.GetString(8), row.GetFieldValue<DateTimeOffset>(9),
                row.Get<DateTimeOffset?>(10), JsonSerializer.Deserialize<string[]>(row.GetString(11))!, lines),
            ct, tenant, number);
    }

    const string List = """
        select number, period_start, period_end, total_amount, status, created_at
        from control.invoice where tenant_id = $1 order by period desc
        """;

    const string One = """
        select number, period_start, period_end, net_amount, tax_label, tax_rate, tax, total_amount, status, created_at, paid_at, notes
        from control.invoice where tenant_id = $1 and number = $2
        """;

    const string Lines = """
        select l.description, l.quantity, l.unit_price, l.amount
        from control.invoice_line l join control.invoice i on i.id = l.invoice_id
        where i.tenant_id = $1 and i.number = $2 order by l.ordinal
        """;
}
