using ControlPlane.Accounts.Members;
using ControlPlane.Billing.Invoices;
using ControlPlane.Notifications.Mail;

namespace ControlPlane.Billing.Mails;

/// <summary>Queues the mails about money, in the transaction of what they report.</summary>
public sealed class BillingMailOutbox(Clock clock, ControlPlaneOptions options, PayLinks links, Seller seller)
{
    /// <param name="occasion">Names it once per tenant, such as <c>reminder:INV-000001</c>: a second mail of one occasion is dropped.</param>
    /// <param name="attachment">The PDF of an invoice or correction.</param>
    public async Task EnqueueAsync(
        Transaction transaction, Guid tenant, string occasion, BillingMail mail, CancellationToken ct, MailAttachment? attachment = null)
    {
        var (organization, language, invoiceEmail) = await transaction.FirstAsync(
            "select organization, language, invoice_email from control.tenant where id = $1",
            row => Tuple.Create(row.GetString(0), row.GetString(1), row.Get<string>(2)), ct, tenant)
            ?? throw new InvalidOperationException($"There is no tenant {tenant}.");
        var content = BillingMails.Write(mail, new BillingMailFrame(language, organization, options.PublicUrl, seller.Name, seller.Email, links.Of));
        foreach (var recipient in invoiceEmail is null ? await transaction.ConfirmedOwnersAndBillingAsync(tenant, ct) : [invoiceEmail])
        {
            await transaction.EnqueueAsync(clock, content.To(tenant, $"{occasion}:{tenant}:{recipient}", recipient, attachment), ct);
        }
    }
}
