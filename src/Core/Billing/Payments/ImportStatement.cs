using ControlPlane.Billing.Mails;

namespace ControlPlane.Billing.Payments;

/// <param name="Matched">Booked on an invoice.</param>
/// <param name="Unmatched">Left for an operator.</param>
/// <param name="Known">On record from an earlier import.</param>
public sealed record ImportedStatement(int Entries, int Matched, int Unmatched, int Known);

public abstract record MatchResult
{
    public sealed record Matched(decimal Open) : MatchResult;
    /// <summary>There is no such entry that is not matched, or no such invoice; of money that left the account, less than that was paid by transfer.</summary>
    public sealed record NotFound : MatchResult;
}

/// <summary>
/// Books the transfers of a bank statement on the invoices whose numbers their payers have named. Each entry once, whatever statements it is in. What names no invoice is left to an operator,
/// and so is money that left the account: whoever asks for a payment back may have written another customer's invoice number.
/// </summary>
public sealed class ImportStatement(ControlDatabase database, Clock clock, RecordPayment record)
{
    /// <exception cref="StatementException">The file cannot be read; nothing was imported.</exception>
    public async Task<ImportedStatement> RunAsync(Stream statement, string actor, CancellationToken ct)
    {
        var entries = CamtStatement.Read(statement);
        var (matched, unmatched) = (0, 0);
        // A transaction for each, so that a long statement holds no tenant's lock for long.
        foreach (var entry in entries)
        {
            switch (await ImportAsync(entry, actor, ct))
            {
                case true:
                    matched++;
                    break;
                case false:
                    unmatched++;
                    break;
                default:
                    break;
            }
        }

        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.AuditAsync(clock, null, actor, "statement.imported", new { entries = entries.Count, matched, unmatched }, ct);
        await transaction.CommitAsync(ct);
        return new ImportedStatement(entries.Count, matched, unmatched, entries.Count - matched - unmatched);
    }

    /// <summary>An operator says which invoice an entry is for.</summary>
    public async Task<MatchResult> MatchAsync(Guid entryId, string number, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var entry = await transaction.FirstAsync(
            "select account, bank_reference, booked_on, amount from control.bank_transaction where id = $1 and state = 'unmatched' for update",
            row => new BankEntry(row.GetString(0), row.GetString(1), row.GetFieldValue<DateOnly>(2), row.GetDecimal(3), Payer: null, ""), ct, entryId);
        if (entry is null || await transaction.ScalarAsync<Guid?>("select id from control.invoice where number = $1", ct, number) is not { } invoice
            || await transaction.LockPaymentAsync(invoice, ct) is not { } payment
            || -entry.Amount > await transaction.ScalarAsync<decimal>(PaidByTransfer, ct, invoice))
        {
            return new MatchResult.NotFound();
        }

        await BookAsync(transaction, payment, entry, actor, ct);
        await transaction.ExecuteAsync("update control.bank_transaction set state = 'matched', tenant_id = $2, invoice_id = $3 where id = $1", ct, entryId, payment.Tenant, payment.Invoice);
        await transaction.AuditAsync(clock, payment.Tenant, actor, "bank_transaction.matched", new { id = entryId, invoice = number }, ct);
        await transaction.CommitAsync(ct);
        return new MatchResult.Matched(payment.Open - entry.Amount);
    }

    /// <summary>An operator says that an unmatched entry is for no invoice.</summary>
    /// <returns>False: there is no such entry that is not matched.</returns>
    public async Task<bool> DiscardAsync(Guid entryId, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ExecuteAsync("update control.bank_transaction set state = 'discarded' where id = $1 and state = 'unmatched'", ct, entryId) == 0)
        {
            return false;
        }

        await transaction.AuditAsync(clock, null, actor, "bank_transaction.discarded", new { id = entryId }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <returns>Whether it was booked; null: it was imported before.</returns>
    async Task<bool?> ImportAsync(BankEntry entry, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var invoice = entry.Amount > 0 ? await FindAsync(transaction, entry, ct) : null;
        var payment = invoice is { } id ? await transaction.LockPaymentAsync(id, ct) : null;
        var isNew = await transaction.ExecuteAsync(
            Insert, ct, Ids.New(clock), entry.Account, entry.Reference, entry.BookedOn, entry.Amount, entry.Payer, entry.Remittance, payment?.Tenant, payment?.Invoice,
            payment is null ? "unmatched" : "matched", actor, clock.GetUtcNow(), entry.PayerIban) > 0;
        if (isNew && payment is not null)
        {
            await BookAsync(transaction, payment, entry, actor, ct);
        }

        await transaction.CommitAsync(ct);
        return isNew ? payment is not null : null;
    }

    async Task BookAsync(Transaction transaction, PaymentRow payment, BankEntry entry, string actor, CancellationToken ct)
    {
        var (source, at) = ($"bank:{entry.Account}:{entry.Reference}", RecordTransfer.At(entry.BookedOn));
        await (entry.Amount > 0
            ? record.BookPaymentAsync(transaction, payment, entry.Amount, source, at, actor, ct)
            : record.ReverseAsync(transaction, payment, -entry.Amount, source, at, ReversalReason.ReturnedTransfer, actor, ct));
    }

    /// <summary>The invoice that the payer has named, if it is open.</summary>
    static async Task<Guid?> FindAsync(Transaction transaction, BankEntry entry, CancellationToken ct)
    {
        var candidates = await transaction.QueryAsync(OpenInvoices, row => (Id: row.GetGuid(0), Number: row.GetString(1)), ct, entry.Remittance);
        return RemittanceMatch.NumberIn(entry.Remittance, candidates.Select(candidate => candidate.Number)) is { } number
            ? candidates.First(candidate => candidate.Number == number).Id
            : null;
    }

    // A number is in the text when its letters and digits are; the exact rule is RemittanceMatch's.
    const string OpenInvoices = """
        select i.id, i.number from control.invoice i join control.payment p on p.invoice_id = i.id
        where p.state not in ('succeeded', 'cancelled')
          and position(upper(regexp_replace(i.number, '[^A-Za-z0-9]', '', 'g')) in upper(regexp_replace($1, '[^A-Za-z0-9]', '', 'g'))) > 0
        """;

    const string PaidByTransfer = """
        select coalesce(sum(amount), 0) from control.settlement where invoice_id = $1 and kind in ('payment', 'reversal') and source ~ '^(bank|transfer):'
        """;

    const string Insert = """
        insert into control.bank_transaction
            (id, account, bank_reference, booked_on, amount, payer, remittance, tenant_id, invoice_id, state, imported_by, imported_at, payer_iban)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (account, bank_reference) do nothing
        """;
}
