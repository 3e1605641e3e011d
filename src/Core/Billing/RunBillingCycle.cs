using System.Globalization;
using ControlPlane.Billing.Invoices;
using ControlPlane.Metering.Ingestion;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing;

/// <summary>The job <c>billing</c>: closes every period that has ended. A tenant that is several periods behind catches up, with one invoice for each.</summary>
public sealed class RunBillingCycle(ControlDatabase database, Clock clock, CloseBillingPeriod closePeriod, ILogger<RunBillingCycle> log)
{
    const int MaxAlerts = 20;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var invoices = new List<Invoice>();
        var alerts = new List<string>();
        var parts = new JobParts(JobSchedules.Billing, log);
        foreach (var tenant in await DueAsync(ct))
        {
            await parts.TryAsync("close the billing period", tenant, () => CatchUpAsync(tenant, invoices, ct), ct);
        }

        alerts.AddRange(invoices.Where(invoice => invoice is { Plan: "enterprise", BaseCharge: 0 })
            .Select(invoice => $"Invoice {invoice.Number} has no base charge: no price was agreed with tenant {invoice.Tenant}"));
        await parts.TryAsync("look for usage that no invoice can carry", tenant: null, async () => alerts.AddRange(await UsageAfterTheEndAsync(ct)), ct);
        return JobReport.Of(("invoices", invoices.Count)) with { Alerts = alerts, Failures = parts.Failures };
    }

    async Task CatchUpAsync(Guid tenant, List<Invoice> invoices, CancellationToken ct)
    {
        CloseResult result;
        while ((result = await closePeriod.RunAsync(tenant, ct)) is not CloseResult.NotDue)
        {
            if (result is CloseResult.Invoiced { Invoice: var invoice })
            {
                invoices.Add(invoice);
            }
        }
    }

    async Task<List<Guid>> DueAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Due, row => row.GetGuid(0), ct, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime));
    }

    /// <summary>One sentence for each tenant whose usage arrived after its last invoice; repeated until an operator has dealt with it.</summary>
    async Task<List<string>> UsageAfterTheEndAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            HeldAfterTheEnd,
            row => string.Create(
                CultureInfo.InvariantCulture,
                $"Tenant {row.GetGuid(0)}: {row.GetInt64(1)} usage events that no invoice can carry, because the subscription has ended. They are in quarantine: charge them by hand, then discard them"),
            ct, Rejection.Codes.SubscriptionEnded, MaxAlerts);
    }

    const string Due = """
        select tenant_id from control.subscription
        where status = 'active' and control.nth_period_start(anchor, open_period + 1) <= $1
        order by anchor, tenant_id
        """;

    const string HeldAfterTheEnd = """
        select tenant_id, count(*) from control.quarantine where state = 'held' and code = $1 group by tenant_id order by count(*) desc, tenant_id limit $2
        """;
}
