using ControlPlane.Billing.Invoices;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Billing;

/// <summary>The job <c>billing</c>: closes every period that has ended. A tenant that is several periods behind catches up, with one invoice for each.</summary>
public sealed class RunBillingCycle(ControlDatabase database, Clock clock, CloseBillingPeriod closePeriod, ILogger<RunBillingCycle> log)
{
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

    const string Due = """
        select tenant_id from control.subscription
        where status = 'active' and control.nth_period_start(anchor, open_period + 1) <= $1
        order by anchor, tenant_id
        """;
}
