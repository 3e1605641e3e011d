using ControlPlane.Billing.Credits;
using ControlPlane.Billing.Invoices;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Billing.Mails;

/// <summary>The mails that carry a document: invoices and their corrections.</summary>
public sealed class DocumentMails(BillingMailOutbox outbox)
{
    /// <param name="toPay">EUR that are collected for it.</param>
    /// <param name="isCharged">Otherwise the customer transfers them.</param>
    internal async Task InvoiceAsync(Transaction transaction, Invoice invoice, decimal toPay, bool isCharged, byte[] pdf, CancellationToken ct) => await outbox.EnqueueAsync(
        transaction, invoice.Tenant, $"invoice:{invoice.Number}",
        new BillingMail.InvoiceIssued(
            new InvoiceName(invoice.Id, invoice.Number), invoice.PeriodStart, invoice.PeriodEnd, invoice.TotalAmount, toPay,
            await ExpectedAsync(transaction, invoice, toPay, isCharged, ct), invoice.Kind),
        ct, new MailAttachment($"{invoice.Number}.pdf", pdf));

    internal Task CreditNoteAsync(Transaction transaction, CreditNote note, byte[] pdf, CancellationToken ct) => outbox.EnqueueAsync(
        transaction, note.Tenant, $"credit-note:{note.Number}",
        new BillingMail.CreditNote(
            note.Number, new InvoiceName(note.Invoice, note.InvoiceNumber), note.Amounts.Total, note.Application.ToOpen, note.Application.ToRefund, note.Application.ToBalance),
        ct, new MailAttachment($"{note.Number}.pdf", pdf));

    static async Task<ExpectedPayment> ExpectedAsync(Transaction transaction, Invoice invoice, decimal toPay, bool isCharged, CancellationToken ct)
    {
        var dueAt = invoice.DueAt ?? invoice.CreatedAt;
        return toPay <= 0 ? new ExpectedPayment.None()
            : !isCharged ? new ExpectedPayment.Transfer(
                DateOnly.FromDateTime(dueAt.UtcDateTime), invoice.Seller.Name, invoice.Seller.Iban, invoice.Seller.Bic, invoice.Number)
            : await transaction.ScalarAsync<string>("select method_label from control.billing_profile where tenant_id = $1", ct, invoice.Tenant) is { } method
                ? new ExpectedPayment.Charge(dueAt, method)
                : new ExpectedPayment.MissingMethod(dueAt);
    }
}
