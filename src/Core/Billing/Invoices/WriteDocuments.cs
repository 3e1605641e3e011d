using ControlPlane.Billing.Mails;
using ControlPlane.Billing.Pdf;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Invoices;

/// <summary>
/// Renders and mails the invoices that have no document yet, each in a transaction of its own that also removes it from the list: whatever stops the program, each
/// is mailed once.
/// </summary>
public sealed class WriteDocuments(ControlDatabase database, Clock clock, DocumentMails mails, ILogger<WriteDocuments> log)
{
    const int Page = 200;

    /// <param name="until">By the wall clock. What is left then, the next run writes.</param>
    /// <returns>One sentence for each document that could not be written; it is tried again in the next run.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(DateTimeOffset until, CancellationToken ct)
    {
        var parts = new JobParts(JobSchedules.Billing, log);
        Guid? last = null;
        List<(Guid Invoice, Guid Tenant)> page;
        do
        {
            page = await PageAsync(last, ct);
            foreach (var (invoice, tenant) in page)
            {
                if (clock.Wall >= until)
                {
                    return [.. parts.Failures, "There are more invoices to write than one run does. The next run continues."];
                }

                await parts.TryAsync("write an invoice's document", tenant, () => RunAsync(invoice, ct), ct);
                last = invoice;
            }
        }
        while (page.Count == Page);
        return parts.Failures;
    }

    async Task<List<(Guid Invoice, Guid Tenant)>> PageAsync(Guid? after, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            "select invoice_id, tenant_id from control.invoice_undocumented where invoice_id > $1 order by invoice_id limit $2",
            row => (row.GetGuid(0), row.GetGuid(1)), ct, after ?? Guid.Empty, Page);
    }

    /// <summary>That of one invoice, for a customer who is about to pay it. Does nothing when it is written.</summary>
    internal async Task RunAsync(Guid id, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.FirstAsync(Claim, row => ((decimal ToPay, bool IsCharged)?)(row.GetDecimal(1), row.GetBoolean(2)), ct, id) is not { } payment
            || await transaction.InvoiceByIdAsync(id, ct) is not { } invoice)
        {
            return;
        }

        var pdf = InvoicePdf.Render(InvoiceLayout.Of(invoice, payment.ToPay, payment.IsCharged));
        await transaction.ExecuteAsync("insert into control.invoice_pdf (invoice_id, tenant_id, content) values ($1, $2, $3)", ct, invoice.Id, invoice.Tenant, pdf);
        await mails.InvoiceAsync(transaction, invoice, payment.ToPay, payment.IsCharged, pdf, ct);
        await transaction.ExecuteAsync("delete from control.invoice_undocumented where invoice_id = $1", ct, id);
        await transaction.CommitAsync(ct);
    }

    // A process that has the same one at hand skips it.
    const string Claim = """
        select d.invoice_id, coalesce(p.amount, 0), coalesce(p.collection = 'charge', false)
        from control.invoice_undocumented d left join control.payment p on p.invoice_id = d.invoice_id
        where d.invoice_id = $1 for update of d skip locked
        """;
}
