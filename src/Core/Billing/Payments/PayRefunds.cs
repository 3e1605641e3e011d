using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Payments;

/// <summary>Pays refunds out at the provider that has collected the payment. Each refund has a key of its own, so it is paid once however often it is tried.</summary>
public sealed class PayRefunds(ControlDatabase database, Clock clock, PaymentProviders providers, PaymentMails mails, ILogger<PayRefunds> log)
{
    const string Actor = "job:payments";

    static readonly TimeSpan ClaimDuration = TimeSpan.FromMinutes(5);
    static readonly TimeSpan RetryDelay = TimeSpan.FromMinutes(15);

    internal async Task<JobReport> RunAsync(Func<bool> hasTime, CancellationToken ct)
    {
        var (paid, failures) = (0, new List<string>());
        while (hasTime() && await ClaimAsync(ct) is { } refund)
        {
            try
            {
                var provider = providers.Find(refund.Provider) ?? throw new ProviderUnavailableException($"The provider {refund.Provider} is not configured.");
                var now = await provider.RefundAsync(refund.PaymentId, refund.Amount, refund.Id, ct);
                await using var transaction = await database.BeginJobAsync(CancellationToken.None);
                await ApplyAsync(transaction, refund, now, CancellationToken.None);
                await transaction.CommitAsync(CancellationToken.None);
                paid++;
            }
            catch (Exception e) when (!ct.IsCancellationRequested && !e.IsDatabaseUnavailable())
            {
                // The boundary of one refund.
                log.LogError(e, "Refund {Refund} could not be paid, tenant {Tenant}", refund.Id, refund.Tenant);
                failures.Add($"Could not refund {refund.Amount} EUR of invoice {refund.Number}: {e.Message}");
                await using var transaction = await database.BeginJobAsync(ct);
                await transaction.ExecuteAsync("update control.refund set next_attempt_at = $2, claimed_until = null where id = $1", ct, refund.Id, clock.GetUtcNow() + RetryDelay);
                await transaction.CommitAsync(ct);
            }
        }

        return JobReport.Of(("refunds", paid)) with { Failures = failures };
    }

    /// <summary>Applies what the provider says of a refund.</summary>
    /// <returns>False: it was made at the provider by hand, which an operator has to look at.</returns>
    internal async Task<bool> ApplyAsync(Transaction transaction, Guid invoice, ProviderRefund now, CancellationToken ct)
    {
        if (await transaction.FirstAsync($"{Select} where r.provider_refund_id = $1", Read, ct, now.Id) is { } refund)
        {
            await ApplyAsync(transaction, refund, now, ct);
            return true;
        }

        // One of ours whose id is not stored yet is claimed at this moment.
        var isOurs = await transaction.ScalarAsync<bool>(
            "select exists (select from control.refund where invoice_id = $1 and provider_refund_id is null and amount = $2)", ct, invoice, now.Amount);
        if (!isOurs && await transaction.LockPaymentAsync(invoice, ct) is { } payment)
        {
            await transaction.RaiseReviewAsync(
                clock, payment.Tenant, "amount_mismatch", payment.Number,
                FormattableString.Invariant($"{now.Amount} EUR of invoice {payment.Number} were refunded at the provider ({now.Id}) without a credit note here."), ct);
        }

        return isOurs;
    }

    async Task ApplyAsync(Transaction transaction, RefundRow refund, ProviderRefund now, CancellationToken ct)
    {
        if (await transaction.LockPaymentAsync(refund.Invoice, ct) is not { } payment)
        {
            return;
        }

        var state = now.State switch { RefundState.Succeeded => "succeeded", RefundState.Failed => "failed", _ => "pending" };
        await transaction.ExecuteAsync(Store, ct, refund.Id, state, now.Id);
        if (now.State != RefundState.Failed)
        {
            if (await transaction.BookAsync(clock, payment, "refund", -refund.Amount, refund.Id.ToString(), clock.GetUtcNow(), Actor, ct))
            {
                await mails.RefundedAsync(transaction, refund.Tenant, refund.Invoice, refund.Number, refund.Amount, refund.Id.ToString(), ct);
            }

            return;
        }

        // The money came back, or never left.
        if (await transaction.ScalarAsync<bool>("select exists (select from control.settlement where invoice_id = $1 and kind = 'refund' and source = $2)", ct, refund.Invoice, refund.Id.ToString()))
        {
            await transaction.BookAsync(clock, payment, "refund", refund.Amount, $"{refund.Id}:failed", clock.GetUtcNow(), Actor, ct);
        }

        await transaction.RaiseReviewAsync(
            clock, refund.Tenant, "refund_failed", refund.Number, FormattableString.Invariant($"The refund of {refund.Amount} EUR of invoice {refund.Number} failed. Pay it by transfer."), ct);
    }

    async Task<RefundRow?> ClaimAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var id = await transaction.ScalarAsync<Guid?>(Claim, ct, clock.GetUtcNow(), ClaimDuration);
        var refund = id is null ? null : await transaction.FirstAsync($"{Select} where r.id = $1", Read, ct, id);
        await transaction.CommitAsync(ct);
        return refund;
    }

    static RefundRow Read(Npgsql.NpgsqlDataReader row) =>
        new(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetString(3), row.GetDecimal(4), row.GetString(5), row.Get<string>(6) ?? "");

    sealed record RefundRow(Guid Id, Guid Invoice, Guid Tenant, string Number, decimal Amount, string Provider, string PaymentId);

    const string Claim = """
        with next as (
            select id from control.refund
            where next_attempt_at <= $1 and (claimed_until is null or claimed_until < now()) order by next_attempt_at, id limit 1 for update skip locked)
        update control.refund r set claimed_until = now() + $2 from next where r.id = next.id returning r.id
        """;

    const string Select = """
        select r.id, r.invoice_id, r.tenant_id, i.number, r.amount, r.provider, p.provider_payment_id
        from control.refund r join control.invoice i on i.id = r.invoice_id join control.payment p on p.invoice_id = r.invoice_id
        """;

    const string Store = "update control.refund set state = $2, provider_refund_id = $3, next_attempt_at = null, claimed_until = null where id = $1";
}
