using ControlPlane.Accounts;
using ControlPlane.Billing.Cycle;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing;

public abstract record WriteOffResult
{
    /// <param name="Amount">EUR that will not be collected.</param>
    public sealed record WrittenOff(decimal Amount) : WriteOffResult;
    public sealed record Invalid(FieldErrors Errors) : WriteOffResult;
    /// <summary>Nothing is open.</summary>
    public sealed record NothingOpen : WriteOffResult;
    public sealed record NotFound : WriteOffResult;
}

/// <summary>An operator decides that what is open of an invoice is not collected. The tenant has access again, unless its subscription has ended.</summary>
public sealed class WriteOffInvoice(ControlDatabase database, Clock clock, AdvanceSubscription advance)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    public async Task<WriteOffResult> RunAsync(string number, string? reason, string actor, CancellationToken ct)
    {
        if (reason?.Trim() is not { Length: > 0 and <= 500 } why || !PlainText.IsPrintable(why))
        {
            return new WriteOffResult.Invalid(new FieldErrors { ["reason"] = "Enter a reason of 1 to 500 characters. It is kept in the audit log." });
        }

        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.ScalarAsync<Guid?>("select tenant_id from control.invoice where number = $1", ct, number) is not { } tenant)
        {
            return new WriteOffResult.NotFound();
        }

        await transaction.ExecuteAsync(SubscriptionLock.Acquire, ct, tenant);
        if (await transaction.ScalarAsync<decimal?>(WriteOff, ct, number, Ids.New(clock), clock.GetUtcNow(), actor) is not { } amount)
        {
            return new WriteOffResult.NothingOpen();
        }

        await transaction.AuditAsync(clock, tenant, actor, "invoice.written_off", new { invoice = number, amount, reason = why }, ct);
        await advance.RunAsync(transaction, tenant, ct);
        await transaction.CommitAsync(ct);
        return new WriteOffResult.WrittenOff(amount);
    }

    // A charge that is under way is left to the collector, which finds that nothing is open.
    const string WriteOff = """
        with open as (
            select i.id, i.tenant_id, i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0) as amount
            from control.invoice i where i.number = $1 and i.status in ('open', 'pending')),
        settled as (
            insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor)
            select $2, id, tenant_id, 'write_off', amount, 'operator', $3, $3, $4 from open where amount > 0 returning invoice_id, amount),
        stopped as (
            update control.payment p
            set state = case when p.collection = 'transfer' or p.provider_payment_id is null then 'cancelled' else p.state end, changed_at = $3,
                next_attempt_at = case when p.collection = 'transfer' or p.provider_payment_id is null then null else $3 end
            from settled s where p.invoice_id = s.invoice_id),
        written as (update control.invoice i set status = 'written_off' from settled s where i.id = s.invoice_id)
        select amount from settled
        """;
}
