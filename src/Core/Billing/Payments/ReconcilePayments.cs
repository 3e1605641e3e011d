using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Payments;

/// <summary>
/// Compares the provider's payments with ours: books what succeeded there and is open here, and cancels what was prepared and is not used any more. Webhooks may be lost, and a process may be killed
/// between the creation of a payment and storing its id. Events that have failed for good are tried again.
/// </summary>
public sealed class ReconcilePayments(ControlDatabase database, Clock clock, PaymentProviders providers, RecordPayment record, ILogger<ReconcilePayments> log)
{
    const string Actor = "job:reconcile";

    /// <summary>Of what was created at the provider. Payments of ours that are older and still open are asked for one by one.</summary>
    static readonly TimeSpan Window = TimeSpan.FromDays(35);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        if (providers.Current is not { } provider)
        {
            return JobReport.Of();
        }

        var (seen, booked, cancelled, mismatches) = (0, 0, 0, 0);
        var older = await BeginAsync(provider.Name, ct);
        await foreach (var theirs in AllAsync(provider, older, ct))
        {
            seen++;
            switch (await CompareAsync(theirs, ct))
            {
                case Difference.Booked:
                    booked++;
                    break;
                case Difference.Unused:
                    await provider.CancelAsync(theirs.Id, ct);
                    cancelled++;
                    break;
                case Difference.Amount:
                    mismatches++;
                    break;
                default:
                    break;
            }
        }

        return JobReport.Of(("payments_compared", seen), ("payments_corrected", booked), ("payments_cancelled", cancelled)) with
        {
            Alerts = mismatches == 0 ? [] : [$"{mismatches} payments have another amount at {provider.Name} than here: see the reviews."],
        };
    }

    /// <returns>Open payments of ours that the provider's list is too short for.</returns>
    async Task<List<string>> BeginAsync(string provider, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync(Revive, ct, provider);
        var older = await transaction.QueryAsync(Older, row => row.GetString(0), ct, provider, clock.GetUtcNow() - Window);
        await transaction.CommitAsync(ct);
        return older;
    }

    async IAsyncEnumerable<ProviderPayment> AllAsync(IPaymentProvider provider, List<string> older, [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var payment in provider.ListAsync(clock.GetUtcNow() - Window, ct))
        {
            yield return payment;
        }

        foreach (var id in older)
        {
            if (await FindAsync(provider, id, ct) is { } payment)
            {
                yield return payment;
            }
        }
    }

    /// <returns>null: the provider does not know it any more, as after a change of the account.</returns>
    async Task<ProviderPayment?> FindAsync(IPaymentProvider provider, string id, CancellationToken ct)
    {
        try
        {
            return await provider.FindAsync(id, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && e is not ProviderUnavailableException)
        {
            // The boundary of one payment: the others are compared.
            log.LogError(e, "Payment {Payment} could not be compared with {Provider}'s", id, provider.Name);
            return null;
        }
    }

    async Task<Difference> CompareAsync(ProviderPayment theirs, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var ours = await transaction.FirstAsync(
            Read, row => new { PaymentId = row.Get<string>(0), IsClaimed = row.GetBoolean(1), Open = row.GetDecimal(2), Booked = row.Get<decimal?>(3), Tenant = row.GetGuid(4), Number = row.GetString(5) },
            ct, theirs.Invoice, theirs.LastCharge ?? theirs.Id);
        if (ours is null)
        {
            return Difference.None;
        }

        if (theirs is ProviderPayment.Succeeded && ours.Booked is { } amount)
        {
            return amount == theirs.Amount ? Difference.None : await MismatchAsync(transaction, ours.Tenant, ours.Number, theirs, amount, ct);
        }

        var isUnused = theirs is ProviderPayment.Unconfirmed or ProviderPayment.Declined or ProviderPayment.RequiresAction && (ours.PaymentId != theirs.Id || ours.Open <= 0);
        if (isUnused)
        {
            // One that is being prepared at this moment is not stored yet.
            return ours.IsClaimed ? Difference.None : Difference.Unused;
        }

        var changed = await record.ApplyAsync(transaction, theirs, Actor, ct);
        await transaction.CommitAsync(ct);
        return changed ? Difference.Booked : Difference.None;
    }

    async Task<Difference> MismatchAsync(Transaction transaction, Guid tenant, string number, ProviderPayment theirs, decimal booked, CancellationToken ct)
    {
        await transaction.RaiseReviewAsync(
            clock, tenant, "amount_mismatch", number, FormattableString.Invariant($"The payment {theirs.Id} of invoice {number} is {theirs.Amount} EUR at the provider and {booked} EUR here."), ct);
        await transaction.CommitAsync(ct);
        return Difference.Amount;
    }

    enum Difference { None, Booked, Unused, Amount }

    const string Revive = "update control.provider_event set state = 'received', attempts = 0, next_attempt_at = now() where provider = $1 and state = 'dead'";

    const string Older = """
        select p.provider_payment_id from control.payment p join control.invoice i on i.id = p.invoice_id
        where p.provider = $1 and p.provider_payment_id is not null and p.state not in ('succeeded', 'cancelled') and i.created_at < $2
        """;

    const string Read = $"""
        select p.provider_payment_id, coalesce(p.claimed_until > now(), false), {PaymentRows.Open},
               (select s.amount from control.settlement s where s.invoice_id = p.invoice_id and s.kind = 'payment' and s.source = $2), p.tenant_id, i.number
        from control.payment p join control.invoice i on i.id = p.invoice_id where p.invoice_id = $1
        """;
}
