using ControlPlane.Notifications.Mail;

namespace ControlPlane.Billing.Mails;

/// <summary>Whom a mail about money is for, and who writes it.</summary>
/// <param name="Language">Of the tenant.</param>
/// <param name="Organization">As the customer entered it.</param>
/// <param name="Sender">Name of the seller.</param>
/// <param name="Contact">Email address of the seller.</param>
/// <param name="PayLink">Where an invoice can be paid without signing in.</param>
public sealed record BillingMailFrame(string Language, string Organization, Uri PublicUrl, string Sender, string Contact, Func<Guid, Uri> PayLink);

/// <summary>The mails about plans, invoices and payments. Pure: the same occasion and frame give the same mail.</summary>
public static class BillingMails
{
    public static MailContent Write(BillingMail mail, BillingMailFrame frame)
    {
        var language = MailLanguage.Of(frame.Language);
        var words = new MailWriter(language, MailText.Name(frame.Organization), frame.Contact);
        var text = language.Code == MailLanguage.German ? GermanBillingMails.Of(mail, words) : EnglishBillingMails.Of(mail, words);
        return new MailContent(language.Code, text.Subject, text.Paragraphs, new MailButton(text.Button, LinkOf(mail, frame)))
        {
            Facts = text.Facts,
            Remarks = text.Remarks,
            Sender = frame.Sender,
        };
    }

    static Uri LinkOf(BillingMail mail, BillingMailFrame frame)
    {
        return mail switch
        {
            BillingMail.InvoiceIssued { Payment: ExpectedPayment.Transfer or ExpectedPayment.MissingMethod } m => frame.PayLink(m.Invoice.Id),
            BillingMail.InvoiceIssued m => InvoicePage(m.Invoice),
            BillingMail.Receipt m => Page($"/app/invoices/{m.Invoice.Number}/receipt.pdf"),
            BillingMail.DebitStarted m => InvoicePage(m.Invoice),
            BillingMail.PaymentFailed m => frame.PayLink(m.Invoice.Id),
            BillingMail.PaymentReversed m => frame.PayLink(m.Invoice.Id),
            BillingMail.Reminder m => frame.PayLink(m.Invoice.Id),
            BillingMail.Suspended m => frame.PayLink(m.Invoice.Id),
            BillingMail.Closing { Unpaid: { } unpaid } => frame.PayLink(unpaid.Id),
            BillingMail.Closed { Unpaid: { } unpaid } => frame.PayLink(unpaid.Id),
            BillingMail.CreditNote m => InvoicePage(m.Invoice),
            BillingMail.Refunded m => InvoicePage(m.Invoice),
            // Members of a deleted tenant cannot sign in.
            BillingMail.Closed => Page("/signup"),
            BillingMail.Reactivated => Page("/app"),
            BillingMail.Preview or BillingMail.CardExpiring or BillingMail.VatIdInvalid => Page("/app/billing"),
            _ => Page("/app/plan"),
        };

        Uri Page(string path) => new(frame.PublicUrl, path);
        Uri InvoicePage(InvoiceName invoice) => Page($"/app/invoices/{invoice.Number}");
    }
}

/// <summary>A mail's words in one language.</summary>
sealed record BillingMailText(string Subject, string[] Paragraphs, string Button)
{
    public MailFact[] Facts { get; init; } = [];
    public string[] Remarks { get; init; } = [];
}

/// <summary>What every text needs: how the language writes amounts and dates, and names that may stand in a mail.</summary>
sealed record MailWriter(MailLanguage Language, string Organization, string Contact)
{
    public string Euro(decimal amount) => Language.Euro(amount);
    public string Day(DateOnly day) => Language.Day(day);
    public string Day(DateTimeOffset at) => Language.Day(at);
    public string Time(DateTimeOffset at) => Language.Time(at);
    public string Period(DateOnly start, DateOnly end) => Language.Period(start, end);

    /// <summary>Facts without those that have no value.</summary>
    public static MailFact[] Facts(params (string Name, string? Value)[] facts) =>
        [.. facts.Where(fact => !string.IsNullOrEmpty(fact.Value)).Select(fact => new MailFact(fact.Name, fact.Value!))];
}
