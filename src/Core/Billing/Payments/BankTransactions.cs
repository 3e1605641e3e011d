namespace ControlPlane.Billing.Payments;

/// <summary>An entry of an imported statement.</summary>
/// <param name="Amount">EUR; negative: money that left the account.</param>
/// <param name="State">matched, unmatched or discarded.</param>
/// <param name="Invoice">Number of the invoice that it pays, or reopens.</param>
public sealed record BankTransaction(Guid Id, DateOnly BookedOn, decimal Amount, string? Payer, string? Remittance, string State, string? Invoice);

public static class BankTransactionQueries
{
    /// <param name="before">The last id of the previous page.</param>
    public static Task<List<BankTransaction>> BankTransactionsAsync(this Transaction transaction, string? state, Guid? before, int limit, CancellationToken ct) =>
        transaction.QueryAsync(
            Select,
            row => new BankTransaction(
                row.GetGuid(0), row.GetFieldValue<DateOnly>(1), row.GetDecimal(2), row.Get<string>(3), row.Get<string>(4), row.GetString(5), row.Get<string>(6)),
            ct, state, before, limit);

    const string Select = """
        select b.id, b.booked_on, b.amount, b.payer, b.remittance, b.state, i.number
        from control.bank_transaction b left join control.invoice i on i.id = b.invoice_id
        where ($1::text is null or b.state = $1) and ($2::uuid is null or b.id < $2) order by b.id desc limit $3
        """;
}
