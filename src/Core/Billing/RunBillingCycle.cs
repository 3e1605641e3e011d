using ControlPlane.Database;
using ControlPlane.Operations;

namespace ControlPlane.Billing;

/// <summary>The job <c>billing</c>: closes every period that has ended. A tenant that is several periods behind catches up, one invoice each.</summary>
public sealed class RunBillingCycle(ControlDatabase database, Clock clock, CloseBillingPeriod closePeriod)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var invoices = 0;
        var unpriced = new List<string>();
        foreach (var tenant in await DueAsync(ct))
        {
            CloseResult result;
            while ((result = await closePeriod.RunAsync(tenant, ct)) is not CloseResult.NotDue)
            {
                if (result is CloseResult.Invoiced { Invoice: var invoice })
                {
                    invoices++;
                    if (invoice is { Plan: "enterprise", BaseCharge: 0 })
                    {
                        unpriced.Add($"Invoice {invoice.Number} has no base charge: no price was agreed with tenant {tenant}");
                    }
                }
            }
        }

        return JobReport.Of(("invoices", invoices)) with { Alerts = unpriced };
    }

    async Task<List<Guid>> DueAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Due, row => row.GetGuid(0), ct, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime));
    }

    // Adding months to a date clamps to the month's last day in PostgreSQL as it does in BillingPeriod.
    const string Due = """
        select tenant_id from control.subscription
        where status = 'active' and (anchor + make_interval(months => open_period))::date <= $1
        order by anchor, tenant_id
        """;
}
