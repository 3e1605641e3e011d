using ControlPlane.Billing.Cycle;
using ControlPlane.Billing.Payments;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>
/// Limits what a seller risks: as part of the job <c>billing</c>, overage of a running period that exceeds an amount is invoiced and charged at once. The period's final
/// invoice bills the rest.
/// </summary>
public sealed class InvoiceExposure(ControlDatabase database, Clock clock, WriteInvoice writeInvoice, CollectionSettings collections)
{
    const int PageSize = 200;

    /// <summary>Ingestion holds the billing lock for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>The tenants that may be beyond the amount, a page at a time: what they have used beyond what is included, at the highest price.</summary>
    public async Task<IReadOnlyList<Guid>> PageAsync(Guid after, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Exposed, row => row.GetGuid(0), ct, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime), collections.ExposureEur, after, PageSize);
    }

    /// <returns>null: there is nothing to invoice now.</returns>
    public async Task<Invoice?> RunAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.CycleAsync(tenant, [BillingLock.Acquire, SubscriptionLock.Acquire], new CyclePolicy(), ct) is not { Subscription: { Status: "active", TrialEndsAt: null } subscription } cycle)
        {
            return null;
        }

        // What has ended gets its final invoice.
        var period = BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod);
        if (clock.GetUtcNow() >= period.EndsAt || await writeInvoice.InterimAsync(transaction, subscription, cycle.Segments, period, ct) is not { } invoice)
        {
            return null;
        }

        await transaction.AuditAsync(clock, tenant, "job:billing", "invoice.interim", new { invoice = invoice.Number, period = period.Number, net = invoice.NetAmount }, ct);
        await transaction.AnnounceJobAsync(JobSchedules.Payments, tenant, ct);
        await transaction.CommitAsync(ct);
        return invoice;
    }

    // Beyond the allowance an alert was raised, unless an operator has set another limit. The exact amount is computed under the lock.
    const string Exposed = """
        select s.tenant_id from control.subscription s
        join control.budget b on b.tenant_id = s.tenant_id and b.meter = 'tokens' and b.span = 'period' and b.starts = control.period_start(s.anchor, $1)
        left join control.billing_profile p on p.tenant_id = s.tenant_id
        join (select e.tenant_id, min(e.tokens) as tokens from (
                  select a.tenant_id, a.maximum as tokens from control.budget_alert a
                  where a.meter = 'tokens' and a.span = 'period' and a.percent = 100 and not a.hard and a.starts > $1 - 32
                  union all
                  select o.tenant_id, 0 from control.budget_override o where o.tokens_per_month is not null) e
              group by e.tenant_id) included on included.tenant_id = s.tenant_id
        where s.status = 'active' and s.trial_ends_at is null and s.tenant_id > $3
          and 1000 * coalesce(p.exposure_eur, $2::numeric) < greatest(s.agreed_overage_eur_per_1000, (select max(overage_eur_per_1000) from control.plan_terms))
              * (b.used - included.tokens - coalesce((select sum(l.tokens) from control.invoice_line l join control.invoice i on i.id = l.invoice_id
                                    where l.tenant_id = s.tenant_id and l.of_period = s.open_period and l.kind = 'overage' and i.kind = 'interim'), 0))
        order by s.tenant_id limit $4
        """;
}
