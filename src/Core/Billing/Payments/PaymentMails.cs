using System.Globalization;
using ControlPlane.Billing.Cycle;
using ControlPlane.Billing.Mails;

namespace ControlPlane.Billing.Payments;

/// <summary>What customers are told of their payments, queued in the transaction that books them.</summary>
public sealed class PaymentMails(Clock clock, BillingMailOutbox outbox)
{
    /// <summary>How long a SEPA debit takes, as the schemes promise it.</summary>
    const int DebitWorkingDays = 14;

    /// <summary>Ends the source of money that a bank has given back after a dispute.</summary>
    internal const string Reinstated = ":reinstated";

    static readonly CyclePolicy Policy = new();

    internal async Task ReceivedAsync(Transaction transaction, PaymentRow payment, decimal amount, DateTimeOffset at, string source, CancellationToken ct)
    {
        if (source.EndsWith(Reinstated, StringComparison.Ordinal))
        {
            // The customer has paid nothing.
            return;
        }

        // Money that came by another way than the provider's was transferred.
        var method = source.Contains(':', StringComparison.Ordinal)
            ? null
            : await MethodAsync(transaction, payment.Tenant, ct) ?? (payment.Provider == SandboxPayments.ProviderName ? SandboxPayments.MethodLabel : null);
        await outbox.EnqueueAsync(
            transaction, payment.Tenant, $"receipt:{payment.Number}:{source}", new BillingMail.Receipt(NameOf(payment), amount, at, method), ct);
    }

    internal async Task PendingAsync(Transaction transaction, PaymentRow payment, CancellationToken ct) => await outbox.EnqueueAsync(
        transaction, payment.Tenant, $"debit-announced:{payment.Number}:{payment.Attempts}",
        new BillingMail.DebitStarted(NameOf(payment), payment.Open, await MethodAsync(transaction, payment.Tenant, ct) ?? "SEPA", DebitWorkingDays), ct);

    /// <summary>Not of credit: who buys it sees the answer, and nothing depends on it.</summary>
    internal async Task DeclinedAsync(Transaction transaction, PaymentRow payment, Decline reason, CancellationToken ct)
    {
        if (payment.Kind == "top_up")
        {
            return;
        }

        var next = await transaction.ScalarAsync<DateTimeOffset?>("select next_attempt_at from control.payment where invoice_id = $1", ct, payment.Invoice);
        await outbox.EnqueueAsync(
            transaction, payment.Tenant, $"payment-failed:{payment.Number}:{clock.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}",
            new BillingMail.PaymentFailed(
                NameOf(payment), payment.Open, ReasonOf(reason), await MethodAsync(transaction, payment.Tenant, ct), next, await WorksUntilAsync(transaction, payment, ct),
                StopsOverage: payment.Kind == "interim"), ct);
    }

    internal async Task ReversedAsync(Transaction transaction, PaymentRow payment, decimal amount, string source, ReversalReason reason, CancellationToken ct) =>
        await (payment.Kind == "top_up" ? Task.CompletedTask : outbox.EnqueueAsync(
            transaction, payment.Tenant, $"payment-reversed:{payment.Number}:{source}",
            new BillingMail.PaymentReversed(NameOf(payment), amount, reason, await WorksUntilAsync(transaction, payment, ct)), ct));

    internal async Task RefundedAsync(Transaction transaction, Guid tenant, Guid invoice, string number, decimal amount, string refund, CancellationToken ct) =>
        await outbox.EnqueueAsync(
            transaction, tenant, $"refund:{refund}", new BillingMail.Refunded(new InvoiceName(invoice, number), amount, await MethodAsync(transaction, tenant, ct)), ct);

    static FailureReason ReasonOf(Decline reason) => reason switch
    {
        { Code: Decline.NoMethod or Decline.MethodRemoved } => FailureReason.NoMethod,
        { Kind: DeclineKind.Hard } => FailureReason.MethodRefused,
        { Code: "authentication_required" } => FailureReason.AuthenticationRequired,
        { Code: "expired_card" } => FailureReason.ExpiredCard,
        { Code: "insufficient_funds" } => FailureReason.InsufficientFunds,
        _ => FailureReason.Declined,
    };

    static InvoiceName NameOf(PaymentRow payment) => new(payment.Invoice, payment.Number);

    static Task<string?> MethodAsync(Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.ScalarAsync<string>("select method_label from control.billing_profile where tenant_id = $1", ct, tenant);

    // After the stages have moved. The grace of an invoice that is not due yet begins with the end of its period; an interim one is dunned with its period.
    async Task<DateTimeOffset?> WorksUntilAsync(Transaction transaction, PaymentRow payment, CancellationToken ct) =>
        await transaction.ScalarAsync<DateTimeOffset?>(GraceFrom, ct, payment.Invoice) + Policy.Dunning is { } until && until > clock.GetUtcNow() ? until : null;

    const string GraceFrom = """
        select coalesce(p.grace_from, i.period_end::timestamp at time zone 'UTC')
        from control.invoice i
        join control.subscription s on s.tenant_id = i.tenant_id and s.access = 'full'
        left join control.billing_period p on p.tenant_id = i.tenant_id and p.number = i.period
        where i.id = $1
        """;
}
