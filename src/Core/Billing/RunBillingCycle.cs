using System.Globalization;
using ControlPlane.Billing.Invoices;
using ControlPlane.Metering.Ingestion;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Billing;

/// <summary>The job <c>billing</c>: closes every period that has ended. A tenant that is several periods behind catches up, with one invoice for each.</summary>
public sealed class RunBillingCycle(ControlDatabase database, Clock clock, CloseBillingPeriod closePeriod, ILogger<RunBillingCycle> log)
{
    const int MaxAlerts = 20;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var invoices = 0;
        var alerts = new List<string>();
        foreach (var tenant in await DueAsync(ct))
        {
            try
            {
                invoices += await CatchUpAsync(tenant, alerts, ct);
            }
            catch (Exception e) when (e is PostgresException or not (NpgsqlException or TimeoutException or OperationCanceledException))
            {
                // One tenant's failure must not keep the others from being invoiced.
                log.LogError(e, "Could not close the billing period of tenant {Tenant}", tenant);
                alerts.Add($"Could not close the billing period of tenant {tenant}: {e.Message}");
            }
        }

        alerts.AddRange(await UsageAfterTheEndAsync(ct));
        return JobReport.Of(("invoices", invoices)) with { Alerts = alerts };
    }

    /// <returns>The number of invoices created.</returns>
    async Task<int> CatchUpAsync(Guid tenant, List<string> alerts, CancellationToken ct)
    {
        var invoices = 0;
        CloseResult result;
        while ((result = await closePeriod.RunAsync(tenant, ct)) is not CloseResult.NotDue)
        {
            if (result is CloseResult.Invoiced { Invoice: var invoice })
            {
                invoices++;
                if (invoice is { Plan: "enterprise", BaseCharge: 0 })
                {
                    alerts.Add($"Invoice {invoice.Number} has no base charge: no price was agreed with tenant {tenant}");
                }
            }
        }

        return invoices;
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
