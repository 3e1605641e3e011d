using ControlPlane.Billing.Cycle;

namespace ControlPlane.Billing.Payments;

/// <summary>
/// Applies what a provider says of a payment, whoever heard it: the collector, a webhook, the reconciliation. Each fact is booked once, whatever the order. Call it in a transaction; access
/// and the invoice's status follow in the same commit.
/// </summary>
public sealed partial class RecordPayment(Clock clock, AdvanceSubscription advance, PaymentMails mails)
{
    /// <summary>A debit under way is asked for this often, in case a webhook was lost.</summary>
    static readonly TimeSpan PendingPoll = TimeSpan.FromDays(1);

    /// <summary>A customer who does not return from the bank's page is charged without it, which the bank then declines.</summary>
    static readonly TimeSpan ActionTimeout = TimeSpan.FromHours(1);

    /// <param name="isAnswer">Whether it answers an attempt of ours that has no result yet. A decline may come without a new charge.</param>
    /// <returns>False: nothing changed. It was known, or is about a payment that was replaced.</returns>
    public async Task<bool> ApplyAsync(Transaction transaction, ProviderPayment fact, string actor, CancellationToken ct, bool isAnswer = false)
    {
        if (await transaction.LockPaymentAsync(fact.Invoice, ct) is not { } payment)
        {
            return false;
        }

        var changed = fact switch
        {
            // Also of a payment that was replaced: the money was taken.
            ProviderPayment.Succeeded succeeded => await SucceedAsync(transaction, payment, succeeded, actor, ct),
            _ when payment.PaymentId != fact.Id || payment.IsOver => false,
            ProviderPayment.Pending when payment.State != "pending" => await PendAsync(transaction, payment, fact, ct),
            ProviderPayment.RequiresAction when payment.State != "requires_action" => await RequireActionAsync(transaction, payment, fact, ct),
            ProviderPayment.Declined declined when isAnswer || payment.State != "failed" || declined.LastCharge != payment.LastCharge =>
                await DeclineAsync(transaction, payment, declined.LastCharge, declined.Reason, ct),
            ProviderPayment.Cancelled => await transaction.ExecuteAsync(PrepareAgain, ct, payment.Invoice, clock.GetUtcNow()) > 0,
            _ => false,
        };
        if (changed)
        {
            await AdvanceAsync(transaction, payment, fact, ct);
        }

        return changed;
    }

    /// <summary>The attempt could not be made: there is no method.</summary>
    public async Task DeclineAsync(Transaction transaction, Guid invoice, Decline reason, CancellationToken ct)
    {
        if (await transaction.LockPaymentAsync(invoice, ct) is { IsOver: false } payment)
        {
            await DeclineAsync(transaction, payment, charge: null, reason, ct);
            await advance.RunAsync(transaction, payment.Tenant, ct);
            await mails.DeclinedAsync(transaction, payment, reason, ct);
        }
    }

    async Task<bool> SucceedAsync(Transaction transaction, PaymentRow payment, ProviderPayment.Succeeded fact, string actor, CancellationToken ct)
    {
        if (!await BookPaymentAsync(transaction, payment, fact.Amount, fact.LastCharge ?? fact.Id, fact.At, actor, ct))
        {
            return false;
        }

        // A payment succeeds once: what is left, or what comes back later, needs another one.
        await transaction.ExecuteAsync(Succeed, ct, payment.Invoice, fact.Id, fact.LastCharge);
        return true;
    }

    async Task<bool> PendAsync(Transaction transaction, PaymentRow payment, ProviderPayment fact, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await transaction.ExecuteAsync(Pend, ct, payment.Invoice, now, now + PendingPoll, fact.LastCharge);
        return true;
    }

    async Task<bool> RequireActionAsync(Transaction transaction, PaymentRow payment, ProviderPayment fact, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var next = payment.NextAttemptAt > now ? payment.NextAttemptAt : now + ActionTimeout;
        return await transaction.ExecuteAsync(RequireAction, ct, payment.Invoice, now, next, fact.LastCharge) > 0;
    }

    async Task<bool> DeclineAsync(Transaction transaction, PaymentRow payment, string? charge, Decline reason, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var first = await transaction.ScalarAsync<DateTimeOffset?>(FirstDecline, ct, payment.Invoice) ?? now;
        // A decline before the invoice is due leaves the attempt that is planned, unless it could not succeed.
        // Credit is charged again only when the customer asks for it.
        var next = reason.Kind != DeclineKind.Retry || payment.Kind == "top_up" ? null : payment.NextAttemptAt > now ? payment.NextAttemptAt : RetrySchedule.Next(first, now);
        await transaction.ExecuteAsync(
            Fail, ct, payment.Invoice, now, next, reason.Kind.ToString().ToLowerInvariant(), reason.Code, charge, payment.State == "pending" ? 1 : 0);
        if (reason.Kind == DeclineKind.Hard)
        {
            await transaction.RaiseReviewAsync(
                clock, payment.Tenant, "hard_decline", payment.Number, $"The payment of invoice {payment.Number} was refused for good ({reason.Code}). The customer needs another method.", ct);
        }

        return true;
    }

    async Task AdvanceAsync(Transaction transaction, PaymentRow payment, ProviderPayment fact, CancellationToken ct)
    {
        var (outcome, reason) = fact switch
        {
            ProviderPayment.Succeeded => ("succeeded", null),
            ProviderPayment.Pending => ("pending", null),
            ProviderPayment.RequiresAction => ("requires_action", null),
            ProviderPayment.Declined declined => ("declined", declined.Reason),
            _ => ("not_made", (Decline?)null),
        };
        await transaction.ExecuteAsync(
            FinishAttempt, ct, payment.Invoice, clock.GetUtcNow(), outcome, reason?.Code, reason is null ? null : QueueText(reason.Message), fact.LastCharge);
        if (fact is not ProviderPayment.Succeeded)
        {
            await advance.RunAsync(transaction, payment.Tenant, ct);
        }

        await (fact switch
        {
            ProviderPayment.Pending => mails.PendingAsync(transaction, payment, ct),
            ProviderPayment.Declined declined => mails.DeclinedAsync(transaction, payment, declined.Reason, ct),
            _ => Task.CompletedTask,
        });
    }

    static string QueueText(string message) => Platform.Jobs.QueueRetries.ErrorText(message);

    // A payment that came back begins a grace of its own.
    const string FirstDecline = """
        select min(finished_at) from control.payment_attempt
        where invoice_id = $1 and outcome = 'declined'
          and finished_at >= coalesce((select max(booked_at) from control.settlement where invoice_id = $1 and kind = 'reversal'), '-infinity')
        """;

    const string Succeed = "update control.payment set last_charge_id = $3 where invoice_id = $1 and provider_payment_id = $2";

    const string Pend = "update control.payment set state = 'pending', changed_at = $2, next_attempt_at = $3, last_charge_id = $4 where invoice_id = $1";

    const string RequireAction = """
        update control.payment set state = 'requires_action', changed_at = $2, next_attempt_at = $3, last_charge_id = coalesce($4, last_charge_id) where invoice_id = $1
        """;

    const string Fail = """
        update control.payment
        set state = 'failed', changed_at = $2, next_attempt_at = $3, decline_kind = $4, decline_code = $5, last_charge_id = coalesce($6, last_charge_id), bounces = bounces + $7
        where invoice_id = $1
        """;

    const string PrepareAgain = """
        update control.payment
        set provider_payment_id = null, next_attempt_at = coalesce(next_attempt_at, $2), last_charge_id = null,
            state = case when state in ('pending', 'requires_action') then 'due' else state end, changed_at = $2
        where invoice_id = $1
        """;

    // The newest attempt, unless it has its answer: webhooks may be faster than the collector, and debits take days.
    const string FinishAttempt = """
        update control.payment_attempt a set finished_at = $2, outcome = $3, decline_code = $4, message = $5, charge_id = $6
        where invoice_id = $1 and ordinal = (select max(ordinal) from control.payment_attempt where invoice_id = $1)
          and (finished_at is null or outcome in ('pending', 'requires_action', 'unavailable'))
        """;
}
