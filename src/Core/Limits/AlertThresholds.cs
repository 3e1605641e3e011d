namespace ControlPlane.Limits;

public static class AlertThresholds
{
    /// <summary>Checks alerts again in every window that has not ended, because new limits have new thresholds.</summary>
    public static async Task CheckAlertsAgainAsync(this Transaction transaction, TimeProvider clock, Guid tenant, CancellationToken ct)
    {
        // The rows are locked first, in the common lock order.
        var since = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime).AddMonths(-1);
        await transaction.ExecuteAsync(LockBudgets, ct, tenant, since);
        await transaction.ExecuteAsync(ResetAlertThresholds, ct, tenant, since);
    }

    const string LockBudgets = """
        select from control.budget where tenant_id = $1 and (span = 'ever' or starts >= $2) order by meter, span, starts for update
        """;

    const string ResetAlertThresholds = "update control.budget set alert_at = 0, used = used where tenant_id = $1 and (span = 'ever' or starts >= $2)";
}
