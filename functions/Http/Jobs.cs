using ControlPlane.Aggregation;
using ControlPlane.Billing;
using ControlPlane.Database;
using ControlPlane.Mail;
using ControlPlane.Operations;
using ControlPlane.Provisioning;
using ControlPlane.Signup;
using ControlPlane.Usage;

namespace ControlPlane.Http;

/// <summary>Every job, defined once. All hosts schedule from this list.</summary>
public sealed class Jobs(
    ControlDatabase database, Clock clock, RunProvisioning runProvisioning, RebuildDailyUsage rebuildDailyUsage, RunBillingCycle runBillingCycle,
    PurgeExpiredSignups purgeExpiredSignups, SendOutbox sendOutbox)
{
    /// <summary>Months for which partitions of usage are made ahead.</summary>
    const int MonthsAhead = 2;

    public IReadOnlyList<JobDefinition> All =>
    [
        new(JobSchedules.Provision, runProvisioning.RunAsync),
        new(JobSchedules.Billing, runBillingCycle.RunAsync),
        new(JobSchedules.Nightly, NightlyAsync),
        new(JobSchedules.Retention, purgeExpiredSignups.RunAsync),
        new(JobSchedules.Outbox, sendOutbox.RunAsync),
    ];

    /// <returns>null when there is no such job.</returns>
    public JobDefinition? Find(string name) => All.FirstOrDefault(job => job.Name == name);

    async Task<JobReport> NightlyAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var partitions = await UsagePartitions.EnsureAsync(database, Enumerable.Range(0, MonthsAhead + 1).Select(today.AddMonths), ct);
        var rebuilt = await rebuildDailyUsage.RunAsync(ct);
        return JobReport.Of(("days", rebuilt.Days), ("tenant_days", rebuilt.TenantDays), ("partitions", partitions)) with { Alerts = rebuilt.Drifts };
    }
}
