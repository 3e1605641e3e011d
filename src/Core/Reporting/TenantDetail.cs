using ControlPlane.Billing.Invoices;
using ControlPlane.Limits;
using ControlPlane.Provisioning;

namespace ControlPlane.Reporting;

/// <summary>What an operator sees of one tenant.</summary>
public sealed record TenantDetail(
    TenantOverview Tenant, string? VatId, EnvironmentStatus? Environment, IReadOnlyList<LimitStatus> Limits, LimitOverride? Override,
    IReadOnlyList<Invoice> Invoices, IReadOnlyList<AuditEntry> Audit)
{
    /// <summary>Of the latest months, the newest first; none: nothing was measured.</summary>
    public IReadOnlyList<MonthlyAvailability> Availability { get; init; } = [];
}

/// <summary>How long an environment answered in a month.</summary>
/// <param name="Month">Its first day.</param>
public sealed record MonthlyAvailability(DateOnly Month, long MeasuredSeconds, long DownSeconds)
{
    public decimal Percent => 100m * (MeasuredSeconds - DownSeconds) / MeasuredSeconds;
}

/// <param name="Detail">JSON.</param>
public sealed record AuditEntry(DateTimeOffset At, string Actor, string Action, string Detail);

public static class TenantDetails
{
    const int RecentInvoices = 12;
    const int RecentMonths = 3;

    public static async Task<TenantDetail> DetailAsync(
        this Transaction transaction, ControlPlaneOptions options, TenantOverview tenant, DateTimeOffset now, CancellationToken ct) => new(
        tenant,
        await transaction.ScalarAsync<string>("select vat_id from control.tenant where id = $1", ct, tenant.TenantId),
        await EnvironmentStatus.ReadForOperatorAsync(transaction, options, tenant.TenantId, ct),
        await transaction.LimitsAsync(tenant.TenantId, now, ct),
        await OverrideLimits.FindAsync(transaction, tenant.TenantId, ct),
        (await transaction.InvoicesAsync(tenant.TenantId, before: null, RecentInvoices, ct))!,
        await transaction.QueryAsync(
            Audit, row => new AuditEntry(row.GetFieldValue<DateTimeOffset>(0), row.GetString(1), row.GetString(2), row.GetString(3)), ct, tenant.TenantId))
        {
            Availability = await transaction.QueryAsync(
                Availability, row => new MonthlyAvailability(row.GetFieldValue<DateOnly>(0), row.GetInt64(1), row.GetInt64(2)), ct, tenant.TenantId, RecentMonths),
        };

    const string Availability = """
        select month, measured_seconds, down_seconds from control.availability where tenant_id = $1 and measured_seconds > 0 order by month desc limit $2
        """;

    const string Audit = """
        select occurred_at, actor, action, detail::text from control.audit_log where tenant_id = $1 order by occurred_at desc, id desc limit 30
        """;
}
