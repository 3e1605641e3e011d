using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Payments;

public abstract record CollectResult
{
    /// <param name="Now">What the provider says.</param>
    public sealed record Answered(ProviderPayment Now) : CollectResult;
    public sealed record Declined(Decline Reason) : CollectResult;
    /// <summary>Nothing is open any more.</summary>
    public sealed record NothingToCollect : CollectResult;
    /// <param name="IsThrottled">The provider asks for fewer calls.</param>
    public sealed record Unavailable(string Why, bool IsThrottled) : CollectResult
    {
        /// <summary>It is not the provider: an operator has to look at it.</summary>
        public bool IsFault { get; init; }
    }
}

/// <summary>
/// One attempt to collect an invoice, for the job and for a customer who clicks. No transaction is open while the provider is called. Killed anywhere, the next claim asks the provider what
/// has happened before it tries again.
/// </summary>
public sealed class CollectPayment(ControlDatabase database, Clock clock, PaymentProviders providers, PaymentClaims claims, RecordPayment record, ControlPlaneOptions options,
    ILogger<CollectPayment> log)
{
    const string Actor = "job:payments";

    /// <summary>EUR. Less is carried to the next invoice.</summary>
    const decimal SmallestCharge = 0.50m;

    /// <param name="back">Where the bank's page returns to; null: the invoice in the portal.</param>
    internal async Task<CollectResult> RunAsync(PaymentClaim claim, CancellationToken ct, Uri? back = null)
    {
        if (providers.Find(claim.Provider) is not { } provider)
        {
            return await UnavailableAsync(claim, new ProviderUnavailableException($"The provider {claim.Provider} is not configured."), ct);
        }

        try
        {
            var now = await TryAsync(provider, claim, back, ct);
            return now is null ? await NothingAsync(claim, ct) : await RecordAsync(claim, now, ct);
        }
        catch (NoMethodException)
        {
            return await NoMethodAsync(claim, ct);
        }
        catch (ProviderUnavailableException e)
        {
            return await UnavailableAsync(claim, e, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && !e.IsDatabaseUnavailable())
        {
            // The boundary of one payment: whatever is wrong with it, the others are collected, and it is tried again.
            log.LogError(e, "The payment of invoice {Invoice} could not be collected, tenant {Tenant}", claim.Number, claim.Tenant);
            return await UnavailableAsync(claim, new ProviderUnavailableException(e.Message), ct) with { IsFault = true };
        }
    }

    /// <returns>null: nothing is open.</returns>
    async Task<ProviderPayment?> TryAsync(IPaymentProvider provider, PaymentClaim claim, Uri? back, CancellationToken ct)
    {
        var (id, now) = (claim.PaymentId, (ProviderPayment?)null);
        if (id is not null)
        {
            now = await provider.FindAsync(id, ct);
            if (claim.Attempt is null || IsAnswer(now, claim))
            {
                return now;
            }
        }

        if (claim.Open < SmallestCharge)
        {
            await (id is null ? Task.CompletedTask : provider.CancelAsync(id, ct));
            return null;
        }

        if (claim.Attempt is not { Method: { } method, Ordinal: var ordinal } attempt || claim.Customer is null && provider.Name != SandboxPayments.ProviderName)
        {
            throw new NoMethodException();
        }

        var order = new PaymentOrder(claim.Invoice, ordinal, claim.Tenant, claim.Number, claim.Customer ?? "", claim.Open);
        if (id is null)
        {
            now = await provider.PrepareAsync(order, paymentId: null, ct);
            id = await claims.KeepAsync(claim, now.Id, ct);
            if (id != now.Id)
            {
                await provider.CancelAsync(now.Id, ct);
                now = await provider.FindAsync(id, ct);
            }
        }

        if (now!.Amount != claim.Open)
        {
            now = await provider.PrepareAsync(order, id, ct);
        }

        // It may have succeeded, or been cancelled, in between.
        return now is ProviderPayment.Succeeded or ProviderPayment.Pending or ProviderPayment.Cancelled
            ? now
            : await provider.ConfirmAsync(
                new PaymentConfirmation(id, claim.Invoice, ordinal, method, attempt.IsInteractive, back ?? new Uri(options.PublicUrl, $"app/invoices/{claim.Number}")), ct);
    }

    // A charge that is not on record is the answer to an attempt whose own answer was lost.
    static bool IsAnswer(ProviderPayment now, PaymentClaim claim) => now switch
    {
        ProviderPayment.Succeeded or ProviderPayment.Pending or ProviderPayment.Cancelled => true,
        ProviderPayment.Declined => now.LastCharge is not null && now.LastCharge != claim.LastCharge,
        _ => false,
    };

    async Task<CollectResult> RecordAsync(PaymentClaim claim, ProviderPayment now, CancellationToken ct)
    {
        // Also while the process is shutting down: the provider has answered.
        await using var transaction = await database.BeginJobAsync(CancellationToken.None);
        await record.ApplyAsync(transaction, now, Actor, CancellationToken.None, isAnswer: claim.Attempt is not null);
        var (outcome, reason) = now switch
        {
            ProviderPayment.Succeeded => ("succeeded", null),
            ProviderPayment.Pending => ("pending", null),
            ProviderPayment.RequiresAction => ("requires_action", null),
            ProviderPayment.Declined declined => ("declined", declined.Reason),
            _ => ("not_made", (Decline?)null),
        };
        await FinishAsync(transaction, claim, outcome, reason?.Code, reason?.Message, now.LastCharge);
        if (now is ProviderPayment.Pending)
        {
            await transaction.ExecuteAsync(PollAgain, CancellationToken.None, claim.Invoice, clock.GetUtcNow());
        }
        else if (now is ProviderPayment.Unconfirmed)
        {
            await transaction.ExecuteAsync(TryAgain, CancellationToken.None, claim.Invoice, clock.GetUtcNow() + RetrySchedule.AfterOutage(1, retryAfter: null));
        }

        await transaction.CommitAsync(CancellationToken.None);
        return reason is null ? new CollectResult.Answered(now) : new CollectResult.Declined(reason);
    }

    async Task<CollectResult> NoMethodAsync(PaymentClaim claim, CancellationToken ct)
    {
        var reason = Decline.Of(Decline.NoMethod, advice: null, "The customer has no payment method.");
        await using var transaction = await database.BeginJobAsync(ct);
        // First: the time of the first decline is read from the attempts.
        await FinishAsync(transaction, claim, "declined", reason.Code, reason.Message, charge: null);
        await record.DeclineAsync(transaction, claim.Invoice, reason, ct);
        await transaction.CommitAsync(ct);
        return new CollectResult.Declined(reason);
    }

    async Task<CollectResult> NothingAsync(PaymentClaim claim, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await record.CarryAsync(transaction, claim.Invoice, SmallestCharge, Actor, ct);
        await transaction.ExecuteAsync(Cancel, ct, claim.Invoice, clock.GetUtcNow());
        await FinishAsync(transaction, claim, "not_made", code: null, "Nothing is open.", charge: null);
        await transaction.CommitAsync(ct);
        return new CollectResult.NothingToCollect();
    }

    async Task<CollectResult.Unavailable> UnavailableAsync(PaymentClaim claim, ProviderUnavailableException why, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await FinishAsync(transaction, claim, "unavailable", code: null, why.Message, charge: null);
        var inARow = (int)await transaction.ScalarAsync<long>(Outages, ct, claim.Invoice);
        await transaction.ExecuteAsync(TryAgain, ct, claim.Invoice, clock.GetUtcNow() + RetrySchedule.AfterOutage(Math.Max(1, inARow), why.RetryAfter));
        await transaction.CommitAsync(ct);
        return new CollectResult.Unavailable(why.Message, why.IsThrottled);
    }

    async Task FinishAsync(Transaction transaction, PaymentClaim claim, string outcome, string? code, string? message, string? charge)
    {
        if (claim.Attempt is { } attempt)
        {
            await transaction.ExecuteAsync(
                Finish, CancellationToken.None, attempt.Id, clock.GetUtcNow(), outcome, code, message is null ? null : QueueRetries.ErrorText(message), charge);
        }

        await PaymentClaims.ReleaseAsync(transaction, claim, CancellationToken.None);
    }

    sealed class NoMethodException : Exception;

    // A webhook may have brought the result already.
    const string Finish = """
        update control.payment_attempt set finished_at = $2, outcome = $3, decline_code = $4, message = $5, charge_id = $6 where id = $1 and finished_at is null
        """;

    // What a customer has planned to pay later stays planned; what waits for the customer does not wait for the provider.
    const string TryAgain = """
        update control.payment set next_attempt_at = $2 where invoice_id = $1 and state in ('due', 'failed', 'requires_action', 'pending') and (next_attempt_at is null or next_attempt_at < $2)
        """;

    const string PollAgain = """
        update control.payment set next_attempt_at = $2 + interval '1 day' where invoice_id = $1 and state = 'pending' and next_attempt_at <= $2
        """;

    const string Cancel = """
        update control.payment set state = 'cancelled', changed_at = $2, next_attempt_at = null where invoice_id = $1 and state not in ('succeeded', 'cancelled', 'reversed')
        """;

    const string Outages = """
        select count(*) from control.payment_attempt
        where invoice_id = $1 and outcome = 'unavailable'
          and ordinal > coalesce((select max(ordinal) from control.payment_attempt where invoice_id = $1 and outcome <> 'unavailable'), 0)
        """;
}
