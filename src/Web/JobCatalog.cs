namespace ControlPlane.Web;

/// <summary>Every job, defined once; all hosts schedule from this list. A host that runs only some jobs registers only what those need.</summary>
/// <param name="replacements">For jobs that another process of this host runs: what to do here instead.</param>
public sealed class JobCatalog(ControlDatabase database, Clock clock, IServiceProvider services, IEnumerable<JobDefinition> replacements)
{
    /// <summary>Months for which usage partitions are created in advance.</summary>
    const int MonthsAhead = 2;

    public IReadOnlyList<JobDefinition> All => [.. Definitions.Select(job => replacements.FirstOrDefault(other => other.Name == job.Name) ?? job)];

    IEnumerable<JobDefinition> Definitions =>
    [
        new(JobSchedules.Provision, ct => Get<RunProvisioning>().RunAsync(ct)),
        new(JobSchedules.Billing, ct => Get<RunBillingCycle>().RunAsync(ct)),
        new(JobSchedules.Nightly, NightlyAsync),
        new(JobSchedules.Quarantine, ct => Get<RunQuarantineBatches>().RunAsync(ct)),
        new(JobSchedules.Retention, RetentionAsync),
        // In this order when the sandbox clock drains the queues: alerts queue mail and webhooks.
        new(JobSchedules.Alerts, ct => Get<AnnounceAlerts>().RunAsync(ct)),
        new(JobSchedules.Mail, ct => Get<SendOutbox>().RunAsync(ct)),
        new(JobSchedules.Webhooks, ct => Get<SendWebhooks>().RunAsync(ct)),
    ];

    /// <returns>null when there is no such job.</returns>
    public JobDefinition? Find(string name) =>
        name == JobSchedules.FormerOutbox.Name ? new(JobSchedules.FormerOutbox, FormerOutboxAsync) : All.FirstOrDefault(job => job.Name == name);

    async Task<JobReport> NightlyAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var partitions = await UsagePartitions.EnsureAheadAsync(database, Enumerable.Range(0, MonthsAhead + 1).Select(today.AddMonths), ct);
        var rebuilt = await Get<RebuildDailyUsage>().RunAsync(ct);
        var reservations = await Get<ExpireReservations>().RunAsync(ct);
        var secrets = await Get<ReencryptSecrets>().RunAsync(ct);
        return JobReport.Of(
            ("days", rebuilt.Days), ("tenant_days", rebuilt.TenantDays), ("partitions", partitions), ("reservations_expired", reservations)).And(secrets) with
        { Alerts = [.. rebuilt.Drifts, .. secrets.Alerts] };
    }

    async Task<JobReport> RetentionAsync(CancellationToken ct) =>
        (await Get<RunPurges>().RunAsync(Purges, ct)).And(await Get<DetachUsage>().RunAsync(ct)).And(await Get<ReleaseSlugs>().RunAsync(ct));

    static IEnumerable<Purge> Purges =>
    [
        .. AccountRetention.Purges, .. ProvisioningRetention.Purges, .. LimitRetention.Purges, .. MeteringRetention.Purges, .. NotificationRetention.Purges,
        .. JobRetention.Purges,
    ];

    async Task<JobReport> FormerOutboxAsync(CancellationToken ct)
    {
        var report = JobReport.Of();
        foreach (var schedule in (JobSchedule[])[JobSchedules.Alerts, JobSchedules.Mail, JobSchedules.Webhooks])
        {
            report = report.And(await All.Single(job => job.Schedule == schedule).Run(ct));
        }

        return report;
    }

    T Get<T>()
        where T : notnull => services.GetRequiredService<T>();
}
