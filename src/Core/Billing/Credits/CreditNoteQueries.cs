using System.Text.Json;
using ControlPlane.Billing.Invoices;
using Npgsql;

namespace ControlPlane.Billing.Credits;

/// <summary>Reads the credit notes that the transaction's role may see.</summary>
public static class CreditNoteQueries
{
    /// <summary>A tenant's credit notes, newest first.</summary>
    public static Task<List<CreditNote>> CreditNotesAsync(this Transaction transaction, Guid tenant, int limit, CancellationToken ct) =>
        transaction.QueryAsync($"{Select} where n.tenant_id = $1 order by n.created_at desc, n.number desc limit $2", Read, ct, tenant, limit);

    /// <returns>null when the tenant has no credit note of this number.</returns>
    public static Task<CreditNote?> CreditNoteAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} where n.tenant_id = $1 and n.number = $2", Read, ct, tenant, number);

    /// <summary>The PDF as it was sent; null when the tenant has no credit note of this number.</summary>
    public static Task<byte[]?> CreditNotePdfAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) =>
        transaction.ScalarAsync<byte[]>("select content from control.credit_note where tenant_id = $1 and number = $2", ct, tenant, number);

    internal static Task<List<CreditNoteAmounts>> NoteAmountsAsync(this Transaction transaction, Guid invoice, CancellationToken ct) =>
        transaction.QueryAsync("select n.lines, n.taxes from control.credit_note n join control.invoice i on i.id = n.invoice_id and i.tenant_id = n.tenant_id where i.id = $1 order by n.id", row => Amounts(row, 0), ct, invoice);

    static CreditNote Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetGuid(2), row.GetGuid(3), row.GetString(4), row.GetString(5), Amounts(row, 6),
        new CreditApplication(row.GetDecimal(8), row.GetDecimal(9), row.GetDecimal(10)), JsonSerializer.Deserialize<Seller>(row.GetString(11))!,
        JsonSerializer.Deserialize<Buyer>(row.GetString(12))!, row.GetFieldValue<DateTimeOffset>(13));

    static CreditNoteAmounts Amounts(NpgsqlDataReader row, int column) => new(
        JsonSerializer.Deserialize<List<CreditNoteLine>>(row.GetString(column))!, JsonSerializer.Deserialize<List<InvoiceTax>>(row.GetString(column + 1))!);

    const string Select = """
        select n.id, n.number, n.tenant_id, n.invoice_id, i.number, n.reason, n.lines, n.taxes, n.to_open, n.to_refund, n.to_balance, n.seller, n.buyer, n.created_at
        from control.credit_note n join control.invoice i on i.id = n.invoice_id
        """;
}
