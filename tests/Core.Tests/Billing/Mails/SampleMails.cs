using System.Globalization;

namespace ControlPlane.Tests.Billing.Mails;

/// <summary>One mail of every kind, and of every way to pay and to fail.</summary>
static class SampleMails
{
    static readonly InvoiceName Invoice = new(Guid.Parse("01900000-0000-7000-8000-000000000001"), "INV-000042");
    static readonly DateOnly Start = new(2026, 3, 1);
    static readonly DateOnly End = new(2026, 4, 1);

    public static ExpectedPayment Charge { get; } = new ExpectedPayment.Charge(At("2026-04-01T09:00:00Z"), "Visa •••• 4242");
    public static ExpectedPayment Transfer { get; } = new ExpectedPayment.Transfer(new(2026, 4, 15), "Example GmbH", "DE02 1203 0000 0000 2020 51", "BYLADEM1001", "INV-000042");
    public static ExpectedPayment MissingMethod { get; } = new ExpectedPayment.MissingMethod(At("2026-04-01T09:00:00Z"));

    public static IReadOnlyList<BillingMail> All { get; } =
    [
        .. from payment in new[] { Charge, Transfer, MissingMethod, new ExpectedPayment.None() }
           from mail in new BillingMail[]
           {
               new BillingMail.Preview("Premium", Start, End, 1234.5m, payment),
               new BillingMail.InvoiceIssued(Invoice, Start, End, 14.58m, payment is ExpectedPayment.None ? 0 : 9.58m, payment),
           }
           select mail,
        new BillingMail.InvoiceIssued(Invoice, Start, End, 14.58m, 14.58m, Charge, "interim"),
        new BillingMail.InvoiceIssued(Invoice, Start, End, 14.58m, 14.58m, Charge, "top_up"),
        new BillingMail.PaymentFailed(
            Invoice, 14.58m, FailureReason.Declined, "Visa •••• 4242", At("2026-03-12T09:00:00Z"), At("2026-04-04T00:00:00Z"), StopsOverage: true),
        new BillingMail.Receipt(Invoice, 14.58m, At("2026-04-01T09:00:12Z"), "Visa •••• 4242"),
        new BillingMail.Receipt(Invoice, 14.58m, At("2026-04-09T00:00:00Z"), null),
        new BillingMail.DebitStarted(Invoice, 14.58m, "SEPA •••• 3000", 5),
        .. from reason in Enum.GetValues<FailureReason>()
           select new BillingMail.PaymentFailed(
               Invoice, 14.58m, reason, reason is FailureReason.NoMethod or FailureReason.TransferOverdue ? null : "Visa •••• 4242",
               reason is FailureReason.Declined or FailureReason.InsufficientFunds ? At("2026-04-02T09:00:00Z") : null, At("2026-04-04T00:00:00Z")),
        new BillingMail.PaymentReversed(Invoice, 14.58m, ReversalReason.Dispute, At("2026-05-04T00:00:00Z")),
        new BillingMail.PaymentReversed(Invoice, 14.58m, ReversalReason.ReturnedDebit, At("2026-05-04T00:00:00Z")),
        new BillingMail.Reminder(Invoice, 14.58m, At("2026-04-07T00:00:00Z")),
        new BillingMail.Suspended(Invoice, 14.58m, At("2026-05-07T00:00:00Z")),
        new BillingMail.Reactivated("Basic"),
        new BillingMail.Closing(Invoice, 14.58m, At("2026-05-07T00:00:00Z")),
        new BillingMail.Closing(null, 0, At("2026-05-01T00:00:00Z")),
        new BillingMail.PaymentReversed(Invoice, 14.58m, ReversalReason.ReturnedTransfer, WorksUntil: null),
        new BillingMail.Closed(Invoice, 14.58m, 29.16m, new(2026, 8, 10)),
        new BillingMail.Closed(null, 0, 0, new(2026, 8, 10)),
        new BillingMail.PlanChanged("Premium", At("2026-03-16T10:30:00Z"), 29.9m, 49.9m, 5_200_000, End),
        new BillingMail.PlanChanged("Enterprise", At("2026-03-16T10:30:00Z"), null, null, null, End),
        new BillingMail.ChangeScheduled("Premium", "Basic", End, 9.9m),
        new BillingMail.ChangeUndone("Premium"),
        new BillingMail.Cancelled("Premium", End, new(2026, 5, 1)),
        new BillingMail.CancellationUndone("Premium"),
        new BillingMail.Ended("Premium", new(2026, 5, 1)),
        new BillingMail.CreditNote("CR-000003", Invoice, 2.8m, 1m, 1.3m, 0.5m),
        new BillingMail.CreditNote("CR-000003", Invoice, 2.8m, 2.8m, 0, 0),
        new BillingMail.Refunded(Invoice, 1.3m, "Visa •••• 4242"),
        new BillingMail.CardExpiring("Visa •••• 4242", new(2026, 4, 30), new(2026, 5, 1)),
        new BillingMail.VatIdInvalid("FR40303265045"),
    ];

    public static BillingMailFrame Frame(string language) => new(
        language, "Müller & Söhne <b>GmbH</b>", new Uri("https://llm.example"), "CFS LLM Platform", "billing@llm.example", invoice => new Uri($"https://llm.example/pay/{invoice:N}"));

    static DateTimeOffset At(string instant) => DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture);
}
