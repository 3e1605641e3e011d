using System.Text.Json;
using ControlPlane.Billing.Cycle;
using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Mails;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Credits;

/// <summary>A correction of an invoice, as stored ("Rechnungskorrektur").</summary>
/// <param name="Application">What became of the amount.</param>
public sealed record CreditNote(
    Guid Id, string Number, Guid Tenant, Guid Invoice, string InvoiceNumber, string Reason, CreditNoteAmounts Amounts, CreditApplication Application, Seller Seller,
    Buyer Buyer, DateTimeOffset CreatedAt);

/// <param name="Lines">null: all that is left of the invoice.</param>
/// <param name="Reason">Printed.</param>
/// <param name="Refund">Whether what was paid through the provider is paid back; otherwise it goes to the tenant's balance.</param>
public sealed record CreditNoteRequest(IReadOnlyList<CreditedLine>? Lines, string Reason, bool Refund);

public abstract record CreateCreditNoteResult
{
    public sealed record Created(CreditNote Note) : CreateCreditNoteResult;
    public sealed record NotFound : CreateCreditNoteResult;
    /// <param name="Why">For the operator.</param>
    public sealed record NotPossible(string Why) : CreateCreditNoteResult;
}

/// <summary>Takes back an invoice in whole or part: writes the correction with its document, books what it settles, and moves the stages, in one transaction.</summary>
public sealed class CreateCreditNote(ControlDatabase database, Clock clock, Seller seller, DocumentMails mails, AdvanceSubscription advance)
{
    public async Task<CreateCreditNoteResult> RunAsync(string invoiceNumber, CreditNoteRequest request, string actor, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(request.Reason) || request.Reason.Length > 500)
        {
            return new CreateCreditNoteResult.NotPossible("Give a reason of at most 500 characters.");
        }

        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.FirstAsync("select id, tenant_id from control.invoice where number = $1", row => ((Guid Id, Guid Tenant)?)(row.GetGuid(0), row.GetGuid(1)), ct, invoiceNumber) is not { } found)
        {
            return new CreateCreditNoteResult.NotFound();
        }

        await transaction.ExecuteAsync(SubscriptionLock.Acquire, ct, found.Tenant);
        var invoice = (await transaction.InvoiceByIdAsync(found.Id, ct))!;
        var earlier = await transaction.NoteAmountsAsync(found.Id, ct);
        var amounts = request.Lines is { } lines ? CreditNoteAmounts.Part(invoice, earlier, lines) : CreditNoteAmounts.Rest(invoice, earlier);
        if (amounts is null || amounts.Total <= 0)
        {
            return new CreateCreditNoteResult.NotPossible(request.Lines is null ? "Nothing is left of the invoice." : "A line is not on the invoice, or less than that is left of it or of its tax rate.");
        }

        var standing = (await transaction.FirstAsync(Standing, row => new Receivables(row.GetDecimal(0), row.GetDecimal(1), row.Get<string>(2)), ct, found.Id))!;
        if (request.Refund && standing.Refundable <= 0)
        {
            return new CreateCreditNoteResult.NotPossible("Nothing was paid through the payment provider that could be paid back. Credit it to the balance.");
        }

        var application = CreditApplication.Of(amounts.Total, standing.Open, request.Refund ? standing.Refundable : 0);
        var number = await transaction.ScalarAsync<string>(NextNumber, ct, seller.CreditPrefix);
        var note = new CreditNote(
            Ids.New(clock), number!, found.Tenant, found.Id, invoiceNumber, request.Reason.Trim(), amounts, application, invoice.Seller, invoice.Buyer, clock.GetUtcNow());
        var pdf = CreditNoteLayout.Pdf(note, invoice);
        await transaction.SendAsync(Bookings(note, invoice, pdf, earlier, standing, actor), ct);
        await transaction.AuditAsync(clock, found.Tenant, actor, "invoice.credited", new { invoice = invoiceNumber, note = note.Number, total = amounts.Total }, ct);
        await mails.CreditNoteAsync(transaction, note, pdf, ct);
        await advance.RunAsync(transaction, found.Tenant, ct);
        await transaction.CommitAsync(ct);
        return new CreateCreditNoteResult.Created(note);
    }

    sealed record Receivables(decimal Open, decimal Refundable, string? Provider);

    IEnumerable<Statement> Bookings(CreditNote note, Invoice invoice, byte[] pdf, IReadOnlyList<CreditNoteAmounts> earlier, Receivables standing, string actor)
    {
        var (amounts, application) = (note.Amounts, note.Application);
        yield return new Statement(
            Insert, note.Id, note.Number, note.Tenant, note.Invoice, note.Reason, amounts.Net, amounts.Tax, amounts.Total, application.ToOpen, application.ToRefund,
            application.ToBalance, JsonSerializer.Serialize(amounts.Lines), JsonSerializer.Serialize(amounts.Taxes), JsonSerializer.Serialize(note.Seller),
            JsonSerializer.Serialize(note.Buyer), pdf, actor, note.CreatedAt);

        // The whole note settles the invoice; what was paid beyond it leaves the invoice again, to the customer or the balance.
        yield return Settle("credit_note", amounts.Total, note.Number);
        if (application.ToBalance > 0)
        {
            yield return Settle("to_balance", -application.ToBalance, note.Number);
            yield return new Statement(InsertBalance, Ids.New(clock), note.Tenant, application.ToBalance, note.Invoice, note.Number, note.Reason, actor, note.CreatedAt);
        }

        if (application.ToRefund > 0)
        {
            // Booked when the provider has paid it back.
            yield return new Statement(InsertRefund, Ids.New(clock), note.Invoice, note.Tenant, note.Id, application.ToRefund, standing.Provider, note.CreatedAt);
        }

        if (earlier.Sum(e => e.Total) + amounts.Total == invoice.TotalAmount)
        {
            yield return new Statement("update control.invoice set status = 'credited' where id = $1", note.Invoice);
        }

        if (application.ToOpen == standing.Open)
        {
            yield return new Statement(StopTransfer, note.Invoice, note.CreatedAt);
        }

        Statement Settle(string kind, decimal amount, string source) => new(InsertSettlement, Ids.New(clock), note.Invoice, note.Tenant, kind, amount, source, note.CreatedAt, actor);
    }

    // Refundable: what came in through the provider, not by transfer, and is not on its way back.
    const string Standing = """
        select i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0) + coalesce(r.unbooked, 0),
               case when p.collection = 'charge' and p.state = 'succeeded'
                    then coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id and s.kind in ('payment', 'reversal', 'refund') and s.source !~ '^(bank|transfer):'), 0) - coalesce(r.unbooked, 0)
                    else 0 end,
               p.provider
        from control.invoice i
        left join control.payment p on p.invoice_id = i.id
        left join lateral (select sum(f.amount) as unbooked from control.refund f where f.invoice_id = i.id and f.state <> 'failed'
            and not exists (select from control.settlement s where s.invoice_id = i.id and s.kind = 'refund' and s.source = f.id::text)) r on true
        where i.id = $1
        """;

    // A sequence of its own, as gapless as that of the invoices.
    const string NextNumber = """
        with next as (
            insert into control.invoice_sequence as s (seller, last_number) values ('default:corrections', 1)
            on conflict (seller) do update set last_number = s.last_number + 1 returning last_number)
        select $1::text || lpad(last_number::text, greatest(6, length(last_number::text)), '0') from next
        """;

    const string Insert = """
        insert into control.credit_note (id, number, tenant_id, invoice_id, reason, net_amount, tax, total_amount, to_open, to_refund, to_balance, lines, taxes, seller, buyer, content,
            created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13::jsonb, $14::jsonb, $15::jsonb, $16, $17, $18)
        """;

    const string InsertSettlement = """
        insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor) values ($1, $2, $3, $4, $5, $6, $7, $7, $8)
        """;

    const string InsertBalance = """
        insert into control.balance_entry (id, tenant_id, amount, kind, invoice_id, source, reason, actor, created_at) values ($1, $2, $3, 'credit_note', $4, $5, $6, $7, $8)
        """;

    const string InsertRefund = """
        insert into control.refund (id, invoice_id, tenant_id, credit_note_id, amount, state, provider, next_attempt_at, created_at)
        values ($1, $2, $3, $4, $5, 'requested', $6, $7, $7)
        """;

    // What a provider holds is cancelled by the job that collects it, which sees that nothing is open.
    const string StopTransfer = """
        update control.payment set state = 'cancelled', changed_at = $2 where invoice_id = $1 and collection = 'transfer' and state in ('due', 'failed')
        """;
}
