namespace ControlPlane.Billing.Payments;

/// <summary>An entry of an imported statement.</summary>
/// <param name="Amount">EUR; negative: money that left the account.</param>
/// <param name="State">matched, unmatched or discarded.</param>
/// <param name="Invoice">Number of the invoice that it pays, or reopens.</param>
public sealed record BankTransaction(Guid Id, DateOnly BookedOn, decimal Amount, string? Payer, string? PayerIban, string? Remittance, string State, string? Invoice)
{
    /// <summary>Of an unmatched entry: what it probably pays.</summary>
    public IReadOnlyList<PaymentProposal> Proposals { get; init; } = [];
}

public static class BankTransactionQueries
{
    /// <summary>More open invoices than that are not compared with an entry.</summary>
    const int MostInvoices = 5000;

    /// <param name="state">null: any.</param>
    /// <param name="before">The last id of the previous page.</param>
    /// <returns>Newest first; unmatched ones with what they probably pay.</returns>
    public static async Task<List<BankTransaction>> BankTransactionsAsync(this Transaction transaction, string? state, Guid? before, int limit, CancellationToken ct)
    {
        var entries = await transaction.QueryAsync(
            Select,
            row => new BankTransaction(
                row.GetGuid(0), row.GetFieldValue<DateOnly>(1), row.GetDecimal(2), row.Get<string>(3), row.Get<string>(4), row.Get<string>(5), row.GetString(6), row.Get<string>(7)),
            ct, state, before, limit);
        if (!entries.Exists(IsOpen))
        {
            return entries;
        }

        var open = await transaction.QueryAsync(
            OpenInvoices, row => new OpenTransfer(row.GetString(0), row.GetGuid(1), row.Get<string>(2) ?? "", row.GetDecimal(3)), ct, MostInvoices);
        var ibans = entries.Where(IsOpen).Select(entry => entry.PayerIban).OfType<string>().Distinct().ToArray();
        var payers = (await transaction.QueryAsync(Payers, row => (Iban: row.GetString(0), Tenant: row.GetGuid(1)), ct, ibans)).ToLookup(row => row.Iban, row => row.Tenant);
        return [.. entries.Select(entry => IsOpen(entry)
            ? entry with { Proposals = PaymentProposals.For(entry.Amount, entry.Payer, payers[entry.PayerIban ?? ""].ToHashSet(), open) }
            : entry)];
    }

    static bool IsOpen(BankTransaction entry) => entry is { State: "unmatched", Amount: > 0 };

    const string Select = """
        select b.id, b.booked_on, b.amount, b.payer, b.payer_iban, b.remittance, b.state, i.number
        from control.bank_transaction b left join control.invoice i on i.id = b.invoice_id
        where ($1::text is null or b.state = $1) and ($2::uuid is null or b.id < $2) order by b.id desc limit $3
        """;

    const string OpenInvoices = $"""
        select i.number, i.tenant_id, i.buyer ->> 'Organization', {PaymentRows.Open}
        from control.invoice i join control.payment p on p.invoice_id = i.id
        where p.state not in ('succeeded', 'cancelled') order by p.due_at, i.number limit $1
        """;

    const string Payers = """
        select distinct payer_iban, tenant_id from control.bank_transaction where payer_iban = any($1) and state = 'matched' and amount > 0 and tenant_id is not null
        """;
}
