using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Billing.Invoices;

public abstract record CloseResult
{
    public sealed record Invoiced(Invoice Invoice) : CloseResult;
    /// <summary>A trial has nothing to invoice; the next period is open.</summary>
    public sealed record NothingToInvoice : CloseResult;
    /// <summary>Another process has closed it, or it has not ended.</summary>
    public sealed record NotDue : CloseResult;
}

/// <summary>
/// Closes the open period of one subscription: totals its events, creates and numbers the invoice, opens the next period and queues the
/// emails, all in one transaction under the tenant's billing lock. A crash at any point leaves all of it or nothing.
/// </summary>
public sealed class CloseBillingPeriod(ControlDatabase database, Clock clock, WriteInvoice writeInvoice)
{
    /// <summary>Ingestion holds the billing lock for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <exception cref="PostgresException">Also <c>lock_not_available</c>: the tenant's lock was not free in time. The next run tries again.</exception>
    public async Task<CloseResult> RunAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        await transaction.ExecuteAsync(BillingLock.Acquire, ct, tenant);
        if (await transaction.SubscriptionAsync(tenant, ct) is not { Status: "active" } subscription)
        {
            return new CloseResult.NotDue();
        }

        var period = BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod);
        var now = clock.GetUtcNow();
        if (now < period.EndsAt)
        {
            return new CloseResult.NotDue();
        }

        var invoice = subscription.TrialEndsAt is null ? await writeInvoice.RunAsync(transaction, subscription, [], period, now, ct) : null;
        await transaction.ExecuteAsync(
            RecordPeriod, ct, tenant, period.Number, period.Start, period.End, invoice switch { null => "closed", { Status: "paid" } => "paid", _ => "invoiced" }, period.EndsAt, invoice?.Id);
        await transaction.OpenNextPeriodAsync(tenant, period.Number, ct);
        if (period.End >= subscription.EndsOn)
        {
            await transaction.EndSubscriptionAsync(tenant, ct);
        }

        await transaction.AuditAsync(clock, tenant, "job:billing", "period.closed", new { period = period.Number, invoice = invoice?.Number }, ct);
        await transaction.CommitAsync(ct);
        return invoice is null ? new CloseResult.NothingToInvoice() : new CloseResult.Invoiced(invoice);
    }

    const string RecordPeriod = """
        insert into control.billing_period (tenant_id, number, starts_on, ends_on, stage, stage_since, invoice_id) values ($1, $2, $3, $4, $5, $6, $7)
        """;
}
