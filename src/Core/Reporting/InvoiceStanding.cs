namespace ControlPlane.Reporting;

/// <summary>Where the payment of an invoice stands.</summary>
/// <param name="Open">EUR still to be settled.</param>
/// <param name="Collection">charge or transfer; null: there was nothing to collect.</param>
/// <param name="State">Of the payment: due, requires_action, pending, failed, reversed, succeeded or cancelled; null as above.</param>
/// <param name="NextAttemptAt">null: it waits for the customer, the provider, or is over.</param>
/// <param name="DeclineKind">retry, customer or hard.</param>
public sealed record InvoiceStanding(
    Guid Invoice, decimal Open, string? Collection, string? State, DateTimeOffset? DueAt, DateTimeOffset? NextAttemptAt, string? DeclineKind, string? DeclineCode)
{
    /// <param name="status">Of the invoice.</param>
    /// <returns>One word for lists: paid, pending, due, overdue, action_needed, credited or written_off.</returns>
    public string Label(string status, DateTimeOffset now) => (status, State) switch
    {
        ("paid" or "credited" or "written_off", _) => status,
        (_, "pending") => "pending",
        (_, "requires_action") => "action_needed",
        (_, "reversed") => "overdue",
        // A click may fail before the charge that is due.
        (_, "failed") when DueAt <= now => "overdue",
        _ when DueAt < now && Collection == "transfer" => "overdue",
        _ => "due",
    };
}

/// <summary>A cent of an invoice's history: what settled a part of it, or opened it again.</summary>
/// <param name="Kind">payment, reversal, refund, balance, carried, credit_note, write_off or to_balance.</param>
/// <param name="Source">Such as the provider's charge or the bank's reference.</param>
public sealed record SettlementEntry(string Kind, decimal Amount, DateTimeOffset OccurredAt, string Source);

public sealed record CreditNoteEntry(string Number, decimal Total, string Reason, DateTimeOffset CreatedAt);

public static class InvoiceStandings
{
    /// <returns>By invoice; one for each of them.</returns>
    public static async Task<Dictionary<Guid, InvoiceStanding>> StandingsAsync(this Transaction transaction, IReadOnlyCollection<Guid> invoices, CancellationToken ct) =>
        (await transaction.QueryAsync(
            Select,
            row => new InvoiceStanding(
                row.GetGuid(0), row.GetDecimal(1), row.Get<string>(2), row.Get<string>(3), row.Get<DateTimeOffset?>(4), row.Get<DateTimeOffset?>(5), row.Get<string>(6), row.Get<string>(7)),
            ct, invoices.ToArray())).ToDictionary(standing => standing.Invoice);

    /// <returns>null when there is no such invoice.</returns>
    public static Task<string?> InvoiceNumberAsync(this Transaction transaction, Guid invoice, CancellationToken ct) =>
        transaction.ScalarAsync<string>("select number from control.invoice where id = $1", ct, invoice);

    /// <returns>The invoice if its payment waits for the customer, who may be back from the bank's page; otherwise null.</returns>
    public static Task<Guid?> InvoiceToFinishAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct) => transaction.ScalarAsync<Guid?>(
        "select i.id from control.invoice i join control.payment p on p.invoice_id = i.id where i.tenant_id = $1 and i.number = $2 and p.state = 'requires_action'", ct, tenant, number);

    public static Task<List<SettlementEntry>> SettlementsAsync(this Transaction transaction, Guid invoice, CancellationToken ct) => transaction.QueryAsync(
        "select kind, amount, occurred_at, source from control.settlement where invoice_id = $1 order by occurred_at, booked_at, id",
        row => new SettlementEntry(row.GetString(0), row.GetDecimal(1), row.GetFieldValue<DateTimeOffset>(2), row.GetString(3)), ct, invoice);

    public static Task<List<CreditNoteEntry>> CreditNotesOfAsync(this Transaction transaction, Guid invoice, CancellationToken ct) => transaction.QueryAsync(
        "select n.number, n.total_amount, n.reason, n.created_at from control.credit_note n join control.invoice i on i.id = n.invoice_id and i.tenant_id = n.tenant_id where i.id = $1 order by n.number",
        row => new CreditNoteEntry(row.GetString(0), row.GetDecimal(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3)), ct, invoice);

    const string Select = """
        select i.id,
               case when i.status in ('credited', 'written_off') then 0
                    else i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0) end,
               p.collection, p.state, coalesce(p.due_at, i.due_at), p.next_attempt_at, p.decline_kind, p.decline_code
        from control.invoice i left join control.payment p on p.invoice_id = i.id where i.id = any($1)
        """;
}
