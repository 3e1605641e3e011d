namespace ControlPlane.Billing.Mails;

/// <summary>An occasion to write to a customer about money, with what the mail says. Amounts in EUR, tax included; <see cref="BillingMails"/> writes it.</summary>
public abstract record BillingMail
{
    /// <summary>Two days before the period ends.</summary>
    /// <param name="End">Exclusive: plan changes and cancellations are taken until then.</param>
    /// <param name="SoFar">What is to be paid at the moment.</param>
    public sealed record Preview(string Plan, DateOnly Start, DateOnly End, decimal SoFar, ExpectedPayment Payment) : BillingMail
    {
        /// <summary>The subscription is cancelled: no period follows.</summary>
        public bool IsLast { get; init; }

        /// <summary>An invoice needs an address that is not there yet.</summary>
        public bool IsAddressMissing { get; init; }
    }

    /// <param name="Total">Of the invoice.</param>
    /// <param name="Kind">Of the invoice: period, interim or top_up.</param>
    /// <param name="Due">What is left after balance was used or a debt of earlier invoices was added.</param>
    public sealed record InvoiceIssued(InvoiceName Invoice, DateOnly Start, DateOnly End, decimal Total, decimal Due, ExpectedPayment Payment, string Kind = "period") : BillingMail;

    /// <param name="Method">Such as "Visa •••• 4242"; null: by bank transfer.</param>
    public sealed record Receipt(InvoiceName Invoice, decimal Amount, DateTimeOffset PaidAt, string? Method) : BillingMail;

    /// <summary>A bank debit was started.</summary>
    public sealed record DebitStarted(InvoiceName Invoice, decimal Amount, string Method, int WorkingDays) : BillingMail;

    /// <param name="Method">null: there is none, or a transfer was expected.</param>
    /// <param name="NextAttemptAt">null: the customer has to act.</param>
    /// <param name="StopsOverage">Usage beyond the plan is denied until it is paid.</param>
    /// <param name="WorksUntil">When access is restricted without a payment; null: it is already.</param>
    public sealed record PaymentFailed(
        InvoiceName Invoice, decimal Amount, FailureReason Reason, string? Method, DateTimeOffset? NextAttemptAt, DateTimeOffset? WorksUntil, bool StopsOverage = false) : BillingMail;

    /// <param name="WorksUntil">When access is restricted without a payment; null: it is already.</param>
    public sealed record PaymentReversed(InvoiceName Invoice, decimal Amount, ReversalReason Reason, DateTimeOffset? WorksUntil) : BillingMail;

    /// <summary>From now on only local models answer.</summary>
    public sealed record Reminder(InvoiceName Invoice, decimal Open, DateTimeOffset SuspendsAt) : BillingMail;

    public sealed record Suspended(InvoiceName Invoice, decimal Open, DateTimeOffset DeletesAt) : BillingMail;

    public sealed record Reactivated(string Plan) : BillingMail;

    /// <summary>A week before the environment is deleted.</summary>
    /// <param name="Unpaid">null: the customer cancelled.</param>
    public sealed record Closing(InvoiceName? Unpaid, decimal Open, DateTimeOffset DeletesAt) : BillingMail;

    /// <summary>The environment was deleted.</summary>
    /// <param name="Unpaid">null: nothing is open.</param>
    /// <param name="Open">Of this invoice.</param>
    /// <param name="OpenInTotal">Of all invoices.</param>
    /// <param name="CopyUntil">How long a last copy of it is kept.</param>
    public sealed record Closed(InvoiceName? Unpaid, decimal Open, decimal OpenInTotal, DateOnly CopyUntil) : BillingMail;

    /// <param name="ThisPeriod">What this period comes to so far; null where it is a trial.</param>
    /// <param name="NextPeriod">What the next one comes to without usage; null: as agreed.</param>
    /// <param name="Allowance">Tokens included in this period; null: unlimited.</param>
    /// <param name="InvoicedOn">The end of this period.</param>
    public sealed record PlanChanged(
        string Plan, DateTimeOffset EffectiveAt, decimal? ThisPeriod, decimal? NextPeriod, long? Allowance, DateOnly InvoicedOn) : BillingMail;

    /// <param name="NextPeriod">What the period after the change comes to without usage; null: as agreed.</param>
    public sealed record ChangeScheduled(string Present, string Next, DateOnly EffectiveOn, decimal? NextPeriod) : BillingMail;

    public sealed record ChangeUndone(string Plan) : BillingMail;

    /// <param name="EndsOn">Exclusive.</param>
    public sealed record Cancelled(string Plan, DateOnly EndsOn, DateOnly KeptUntil) : BillingMail;

    public sealed record CancellationUndone(string Plan) : BillingMail;

    public sealed record Ended(string Plan, DateOnly KeptUntil) : BillingMail;

    /// <summary>The three parts add up to the amount.</summary>
    public sealed record CreditNote(string Number, InvoiceName Invoice, decimal Amount, decimal ToOpen, decimal ToRefund, decimal ToBalance) : BillingMail;

    public sealed record Refunded(InvoiceName Invoice, decimal Amount, string? Method) : BillingMail;

    public sealed record CardExpiring(string Method, DateOnly ExpiresOn, DateOnly NextCharge) : BillingMail;

    public sealed record VatIdInvalid(string VatId) : BillingMail;
}

public sealed record InvoiceName(Guid Id, string Number);

/// <summary>How an invoice is going to be paid.</summary>
public abstract record ExpectedPayment
{
    /// <summary>Taken from the payment method on file.</summary>
    public sealed record Charge(DateTimeOffset At, string Method) : ExpectedPayment;

    /// <param name="Iban">null: not configured; the invoice says how to pay.</param>
    public sealed record Transfer(DateOnly DueOn, string? AccountHolder, string? Iban, string? Bic, string Reference) : ExpectedPayment;

    /// <summary>There is no payment method yet.</summary>
    /// <param name="At">When the first attempt would be made.</param>
    public sealed record MissingMethod(DateTimeOffset At) : ExpectedPayment;

    /// <summary>Nothing is to be paid, now at least.</summary>
    public sealed record None : ExpectedPayment;
}

/// <summary>Why money that had arrived was taken back.</summary>
public enum ReversalReason
{
    Dispute,
    ReturnedDebit,
    ReturnedTransfer,
}

/// <summary>Why a payment failed, as far as the customer can do something about it.</summary>
public enum FailureReason
{
    /// <summary>Tried again later.</summary>
    Declined,
    InsufficientFunds,
    ExpiredCard,
    /// <summary>The customer has to confirm it, as with 3-D Secure.</summary>
    AuthenticationRequired,
    NoMethod,
    /// <summary>Never tried again with this method.</summary>
    MethodRefused,
    /// <summary>No transfer arrived until the due date.</summary>
    TransferOverdue,
}
