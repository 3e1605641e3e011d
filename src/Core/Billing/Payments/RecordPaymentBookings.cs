using ControlPlane.Billing.Mails;

namespace ControlPlane.Billing.Payments;

// What is booked on an invoice, and what follows from it.
public sealed partial class RecordPayment
{
    /// <summary>The bank has taken the money back, or has given it back again.</summary>
    public async Task<bool> DisputeAsync(Transaction transaction, Guid invoice, ProviderFact.Disputed dispute, string actor, CancellationToken ct)
    {
        if (await transaction.LockPaymentAsync(invoice, ct) is not { } payment)
        {
            return false;
        }

        var isKnown = await transaction.ScalarAsync<bool>(IsReversed, ct, payment.Invoice, dispute.Dispute);
        if (!dispute.IsWithdrawn)
        {
            await transaction.EndReviewAsync(clock, payment.Tenant, "dispute", payment.Number, ct);
            return isKnown && await BookPaymentAsync(transaction, payment, dispute.Amount, $"{dispute.Dispute}{PaymentMails.Reinstated}", clock.GetUtcNow(), actor, ct);
        }

        return !isKnown && await ReverseAsync(transaction, payment, dispute.Amount, dispute.Dispute, dispute.At, ReasonOf(dispute), actor, ct);
    }

    /// <summary>Moves what is too little to be charged to the next invoice.</summary>
    internal async Task CarryAsync(Transaction transaction, Guid invoice, decimal below, string actor, CancellationToken ct)
    {
        if (await transaction.LockPaymentAsync(invoice, ct) is { Open: > 0 } payment && payment.Open < below
            && await transaction.BookAsync(clock, payment, "carried", payment.Open, payment.Number, clock.GetUtcNow(), actor, ct))
        {
            await transaction.ExecuteAsync(Balance, ct, Ids.New(clock), payment.Tenant, -payment.Open, "carried", payment.Invoice, payment.Number, actor, clock.GetUtcNow());
            await SettleAsync(transaction, payment, payment.Number, clock.GetUtcNow(), actor, ct);
            await advance.RunAsync(transaction, payment.Tenant, ct);
        }
    }

    /// <summary>Books money that has arrived, by whatever way.</summary>
    /// <returns>False: it was booked before.</returns>
    internal async Task<bool> BookPaymentAsync(
        Transaction transaction, PaymentRow payment, decimal amount, string source, DateTimeOffset at, string actor, CancellationToken ct)
    {
        if (!await transaction.BookAsync(clock, payment, "payment", amount, source, at, actor, ct))
        {
            return false;
        }

        if (await SettleAsync(transaction, payment, source, at, actor, ct))
        {
            await mails.ReceivedAsync(transaction, payment, amount, at, source, ct);
        }

        await advance.RunAsync(transaction, payment.Tenant, ct);
        return true;
    }

    /// <summary>Books money that was taken back.</summary>
    internal async Task<bool> ReverseAsync(
        Transaction transaction, PaymentRow payment, decimal amount, string source, DateTimeOffset at, ReversalReason reason, string actor, CancellationToken ct)
    {
        if (!await transaction.BookAsync(clock, payment, "reversal", -amount, source, at, actor, ct))
        {
            return false;
        }

        await transaction.ExecuteAsync(Reverse, ct, payment.Invoice, clock.GetUtcNow());
        // Of credit, because a part may be used already, which no stage collects.
        if (reason == ReversalReason.Dispute || payment.Kind == "top_up")
        {
            await transaction.RaiseReviewAsync(
                clock, payment.Tenant, "dispute", payment.Number, $"The payment of invoice {payment.Number} was {(reason == ReversalReason.Dispute ? "disputed" : "returned")} ({source}).", ct);
        }

        await advance.RunAsync(transaction, payment.Tenant, ct);
        await mails.ReversedAsync(transaction, payment, amount, source, reason, ct);
        return true;
    }

    /// <summary>Closes the invoice when nothing is left to settle; what is too much goes to the balance.</summary>
    /// <returns>False: something is left.</returns>
    async Task<bool> SettleAsync(Transaction transaction, PaymentRow payment, string source, DateTimeOffset at, string actor, CancellationToken ct)
    {
        var open = await transaction.OpenAmountAsync(payment.Invoice, ct);
        var surplus = open < 0 ? -open - await transaction.ScalarAsync<decimal>(UnbookedRefunds, ct, payment.Invoice) : 0;
        if (surplus > 0 && await transaction.BookAsync(clock, payment, "to_balance", -surplus, source, at, actor, ct))
        {
            await transaction.ExecuteAsync(Balance, ct, Ids.New(clock), payment.Tenant, surplus, "overpayment", payment.Invoice, $"{payment.Number}:{source}", actor, clock.GetUtcNow());
        }

        if (open > 0)
        {
            return false;
        }

        await transaction.ExecuteAsync(Settle, ct, payment.Invoice, clock.GetUtcNow());
        return true;
    }

    // A returned debit is told as a dispute of one of these reasons.
    static ReversalReason ReasonOf(ProviderFact.Disputed dispute) =>
        dispute.Reason is "insufficient_funds" or "bank_cannot_process" or "incorrect_account_details" or "debit_not_authorized"
            ? ReversalReason.ReturnedDebit
            : ReversalReason.Dispute;

    // What is being paid back is not the customer's to use.
    const string UnbookedRefunds = """
        select coalesce(sum(r.amount), 0) from control.refund r
        where r.invoice_id = $1 and r.state <> 'failed'
          and not exists (select from control.settlement s where s.invoice_id = r.invoice_id and s.kind = 'refund' and s.source = r.id::text)
        """;

    const string IsReversed = "select exists (select from control.settlement where invoice_id = $1 and kind = 'reversal' and source = $2)";

    const string Settle = """
        update control.payment set state = 'succeeded', changed_at = $2, next_attempt_at = null, decline_kind = null, decline_code = null where invoice_id = $1
        """;

    const string Balance = """
        insert into control.balance_entry (id, tenant_id, amount, kind, invoice_id, source, actor, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant_id, kind, source) do nothing
        """;

    const string Reverse = """
        update control.payment set state = 'reversed', changed_at = $2, next_attempt_at = null, bounces = bounces + 1 where invoice_id = $1
        """;
}
