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
        new(JobSchedules.Billing, ct => Get<RunBillingCycle>().RunAsync(ct)) { HasWork = (at, ct) => Get<RunBillingCycle>().HasWorkAsync(at, ct) },
        new(JobSchedules.Nightly, NightlyAsync),
        new(JobSchedules.Quarantine, ct => Get<RunQuarantineBatches>().RunAsync(ct)),
        new(JobSchedules.Storage, StorageAsync),
        new(JobSchedules.Health, HealthAsync),
        new(JobSchedules.Retention, RetentionAsync),
        // In this order when the sandbox clock drains the queues: payments and alerts queue mail and webhooks.
        new(JobSchedules.Payments, ct => Get<CollectPayments>().RunAsync(ct)),
        new(JobSchedules.Alerts, ct => Get<AnnounceAlerts>().RunAsync(ct)),
        new(JobSchedules.Mail, MailAsync),
        new(JobSchedules.Webhooks, ct => Get<SendWebhooks>().RunAsync(ct)),
    ];

    /// <returns>null when there is no such job.</returns>
    public JobDefinition? Find(string name) =>
        name == JobSchedules.FormerOutbox.Name ? new(JobSchedules.FormerOutbox, FormerOutboxAsync) : All.FirstOrDefault(job => job.Name == name);

    // The mail first: it is urgent.
    async Task<JobReport> MailAsync(CancellationToken ct) => (await Get<SendOutbox>().RunAsync(ct)).And(await Get<MailTotals>().RunAsync(ct));

    // The routes first: environments depend on them.
    async Task<JobReport> HealthAsync(CancellationToken ct) => (await Get<CheckModelRoutes>().RunAsync(ct)).And(await Get<MeasureAvailability>().RunAsync(ct));

    // Where the environments can be reached.
    async Task<JobReport> StorageAsync(CancellationToken ct) =>
        (await Get<MeasureStorage>().RunAsync(ct)).And(await Get<CountDocuments>().RunAsync(ct)).And(await Get<LastCopy>().DeleteExpiredAsync(ct));

    async Task<JobReport> NightlyAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        return await RunPartsAsync(
            JobSchedules.Nightly, ct,
            ("create the partitions of coming months", async () => JobReport.Of(
                ("partitions", await UsagePartitions.EnsureAheadAsync(database, Enumerable.Range(0, MonthsAhead + 1).Select(today.AddMonths), ct)))),
            ("rebuild daily usage", () => Get<RebuildDailyUsage>().RunAsync(ct)),
            ("expire reservations", () => Get<ExpireReservations>().RunAsync(ct)),
            ("check the stored secrets", () => Get<ReencryptSecrets>().RunAsync(ct)),
            ("compare payments with the provider's", () => Get<ReconcilePayments>().RunAsync(ct)));
    }

    Task<JobReport> RetentionAsync(CancellationToken ct) => RunPartsAsync(
        JobSchedules.Retention, ct,
        ("delete what has expired", () => Get<RunPurges>().RunAsync(Purges, ct)),
        ("erase the usage of persons", () => Get<EraseUsage>().RunAsync(ct)),
        ("detach old months of usage events", () => Get<DetachUsage>().RunAsync(ct)),
        ("release the slugs of deleted tenants", () => Get<ReleaseSlugs>().RunAsync(ct)));

    static IEnumerable<Purge> Purges =>
    [
        .. AccountRetention.Purges, .. ProvisioningRetention.Purges, .. LimitRetention.Purges, .. MeteringRetention.Purges, .. NotificationRetention.Purges,
        .. PaymentRetention.Purges, .. JobRetention.Purges, .. PrivacyRetention.Purges,
    ];

    Task<JobReport> FormerOutboxAsync(CancellationToken ct) => RunPartsAsync(
        JobSchedules.FormerOutbox, ct,
        [.. new[] { JobSchedules.Alerts, JobSchedules.Mail, JobSchedules.Webhooks }.Select(schedule =>
            ($"run {schedule.Name}", (Func<Task<JobReport>>)(() => All.Single(job => job.Schedule == schedule).Run(ct))))]);

    // Each part is resolved when it runs, so one that cannot be created fails alone, too.
    async Task<JobReport> RunPartsAsync(JobSchedule job, CancellationToken ct, params (string Action, Func<Task<JobReport>> Run)[] parts)
    {
        var report = JobReport.Of();
        var tried = new JobParts(job, Get<ILogger<JobParts>>());
        foreach (var (action, run) in parts)
        {
            await tried.TryAsync(action, tenant: null, async () => report = report.And(await run()), ct);
        }

        return report with { Failures = [.. report.Failures, .. tried.Failures] };
    }

    T Get<T>()
        where T : notnull => services.GetRequiredService<T>();
}
