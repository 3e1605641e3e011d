using System.Security.Cryptography;
using ControlPlane.Accounts.Members;
using ControlPlane.Notifications.Mail;
using ControlPlane.Notifications.Webhooks;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Provisioning;

/// <summary>
/// The job <c>storage</c>: measures the disks and what each environment stores, tells its owner before its storage is full, stops it when it stores too much for
/// too long, and starts it when it fits again. What cannot be measured counts as it was measured last. Any number of processes may run it: what follows from a measurement commits with it.
/// </summary>
public sealed class MeasureStorage(
    ControlDatabase database, IDataPlane dataPlane, ControlPlaneOptions options, EnvironmentLimits limits, Clock clock, ILogger<MeasureStorage> log)
{
    /// <summary>A tenant whose environment's row is locked for longer is measured in the next run.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A new environment is measured within this time.</summary>
    static readonly TimeSpan FirstMeasurement = TimeSpan.FromHours(1);

    /// <summary>While the disk has room, one measurement of so many pauses what it measures: about one a day.</summary>
    const int PausedOneOf = 288;

    /// <summary>While the disk is low, one measurement of so many restarts what it measures: about one an hour.</summary>
    const int RestartedOneOf = 12;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var parts = new JobParts(JobSchedules.Storage, log);
        IReadOnlyList<DiskSpace> low = [];
        await parts.TryAsync("read the free disk space", tenant: null, () => ReadDisksAsync(ct), ct);
        // What could not be read counts as it was: on a full disk, no container starts that could read it.
        await parts.TryAsync("find the low disks", tenant: null, async () => low = await FindLowDisksAsync(ct), ct);
        var isDiskLow = low.Any(disk => disk.Name == DiskSpace.EnvironmentDisk);
        List<string> alerts = [.. low.Select(disk => disk.Describe(limits))];
        var measured = 0;
        var environments = await FindAsync(ct);
        foreach (var (tenant, slug, name) in environments)
        {
            await parts.TryAsync(
                "measure the storage", tenant,
                async () =>
                {
                    try
                    {
                        if (await dataPlane.MeasureStorageAsync(name, ChooseInterruption(isDiskLow), ct) is { } bytes && await ApplyAsync(tenant, bytes, isDiskLow, ct) is { } storage)
                        {
                            measured++;
                            alerts.AddRange(storage.IsOver ? [Describe(slug, storage)] : Array.Empty<string>());
                        }
                    }
                    catch (StepFailedException)
                    {
                        // When none can be measured, as where no container starts on a full disk, it is not the environment's doing.
                        var isSuspect = measured > 0 || environments.Count == 1;
                        alerts.AddRange(await ApplyAsync(tenant, bytes: null, isDiskLow, ct, isSuspect) is { } storage ? DescribeFormer(slug, storage) : []);
                        throw;
                    }
                },
                ct);
        }

        return JobReport.Of(("environments_measured", measured)) with { Alerts = alerts, Failures = parts.Failures };
    }

    // It delays users. So it happens when it matters, and otherwise when it cannot be foreseen.
    static Interruption ChooseInterruption(bool isDiskLow) =>
        isDiskLow ? (RandomNumberGenerator.GetInt32(RestartedOneOf) == 0 ? Interruption.Restart : Interruption.Pause)
        : RandomNumberGenerator.GetInt32(PausedOneOf) == 0 ? Interruption.Pause : Interruption.None;

    async Task ReadDisksAsync(CancellationToken ct)
    {
        var names = new List<string>();
        await foreach (var disk in dataPlane.ReadDisksAsync(ct))
        {
            names.Add(disk.Name);
            await WriteAsync(transaction => DiskSpace.RecordAsync(transaction, disk, clock.GetUtcNow(), ct), ct);
        }

        await WriteAsync(transaction => DiskSpace.DeleteOthersAsync(transaction, names, ct), ct);
    }

    async Task<IReadOnlyList<DiskSpace>> FindLowDisksAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await DiskSpace.FindLowAsync(transaction, limits, ct);
    }

    async Task WriteAsync(Func<Transaction, Task> write, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await write(transaction);
        await transaction.CommitAsync(ct);
    }

    async Task<List<(Guid Tenant, string Slug, string Name)>> FindAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Environments, row => (row.GetGuid(0), row.GetString(1), row.GetString(2)), ct, options.Region, clock.GetUtcNow() - EnvironmentStorage.MaximumAge);
    }

    /// <param name="bytes">null: it could not be measured.</param>
    /// <param name="isSuspect">Others could be measured.</param>
    /// <returns>null when the environment is being removed, or has been neither measured nor ready yet.</returns>
    async Task<EnvironmentStorage?> ApplyAsync(Guid tenant, long? bytes, bool isDiskLow, CancellationToken ct, bool isSuspect = false)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.LockStorageAsync(tenant, ct) is not { } environment)
        {
            return null;
        }

        var now = clock.GetUtcNow();
        // One that has run without being measured was not limited until now.
        var isLimitNew = environment.FirstReadyAt < now - FirstMeasurement;
        if ((environment.Storage ?? FirstOf(environment, bytes, isLimitNew ? long.MaxValue : environment.AllowedBytes, now)) is not { } before)
        {
            return null;
        }

        var after = bytes is { } stored ? before.Measured(stored, environment.AllowedBytes, now, isDiskLow) : before.NotMeasured(environment.AllowedBytes, now, isDiskLow, isSuspect);
        if (environment.State == EnvironmentState.Suspended && before.StoppedAt is null)
        {
            after = bytes is { } kept ? before.MeasuredWhileSuspended(kept, environment.AllowedBytes, now) : before;
        }
        else if (environment.State == EnvironmentState.Updating && after.StoppedAt is null)
        {
            // It is still being stopped, and is started after that.
            after = after with { StoppedAt = before.StoppedAt };
        }

        if (environment.Storage is null && bytes is null && after.StoppedAt is null)
        {
            // The first figure decides what it may store from then on.
            return after;
        }

        await transaction.WriteStorageAsync(tenant, after, ct);
        var notice = await ActAsync(transaction, environment, before, after, ct);
        await (notice is { } reason ? AnnounceAsync(transaction, environment, after, reason, ct) : Task.CompletedTask);
        await transaction.CommitAsync(ct);
        return after;
    }

    // Without any figure, its age counts from when the environment was ready.
    static EnvironmentStorage? FirstOf(StoredEnvironment environment, long? bytes, long allowedBytes, DateTimeOffset now) =>
        bytes is { } stored ? new(stored, allowedBytes, now) : environment.FirstReadyAt is { } ready ? new(0, environment.AllowedBytes, ready) : null;

    /// <returns>What to tell the owner; null: nothing.</returns>
    async Task<StorageNotice?> ActAsync(
        Transaction transaction, StoredEnvironment environment, EnvironmentStorage before, EnvironmentStorage after, CancellationToken ct)
    {
        if (after.StoppedAt is not null)
        {
            // Also when something else has started it meanwhile.
            if (environment.State != EnvironmentState.Suspended)
            {
                await QueueAsync(transaction, environment, RunKinds.Suspend, ct);
            }

            return before.StoppedAt is null ? await AuditAsync(transaction, environment, after, StorageNotice.Stopped, ct) : null;
        }

        if (before.StoppedAt is not null && environment is { State: EnvironmentState.Suspended, IsTenantActive: true, HasTrialEnded: false, IsUnpaid: false })
        {
            await QueueAsync(transaction, environment, RunKinds.Resume, ct);
            return await AuditAsync(transaction, environment, after, StorageNotice.Started, ct);
        }

        return after.Announced <= before.Announced ? null : after.IsOver ? StorageNotice.Full : StorageNotice.Near;
    }

    Task<EnvironmentState> QueueAsync(Transaction transaction, StoredEnvironment environment, string kind, CancellationToken ct) =>
        transaction.QueueProvisioningAsync(clock, options, environment.Tenant, environment.Slug, kind, ct);

    async Task<StorageNotice> AuditAsync(
        Transaction transaction, StoredEnvironment environment, EnvironmentStorage storage, StorageNotice notice, CancellationToken ct)
    {
        var action = notice == StorageNotice.Stopped ? "environment.stopped_for_storage" : "environment.started_for_storage";
        await transaction.AuditAsync(clock, environment.Tenant, "job:storage", action, new { storage.Bytes, storage.AllowedBytes }, ct);
        return notice;
    }

    async Task AnnounceAsync(Transaction transaction, StoredEnvironment environment, EnvironmentStorage storage, StorageNotice notice, CancellationToken ct)
    {
        foreach (var recipient in await transaction.ConfirmedOwnersAndBillingAsync(environment.Tenant, ct))
        {
            await transaction.EnqueueAsync(clock, StorageMail.Create(options, environment, storage, notice, recipient), ct);
        }

        await transaction.EnqueueWebhookAsync(
            clock, environment.Tenant, "storage.changed",
            new
            {
                TenantId = environment.Tenant,
                State = notice.ToString().ToLowerInvariant(),
                UsedBytes = storage.Bytes,
                storage.AllowedBytes,
                StopsAt = storage.IsOver && storage.StoppedAt is null ? storage.GraceUntil : null,
                storage.StoppedAt,
            },
            ct);
    }

    static string Describe(string slug, EnvironmentStorage storage) =>
        $"The environment of {slug} stores {EnvironmentStorage.Gib(storage.Bytes)} of {EnvironmentStorage.Gib(storage.AllowedBytes)}: "
        + (storage.StoppedAt is { } at ? $"stopped since {at:u}." : storage.GraceUntil is { } until ? $"it will be stopped at {until:u}." : "it is suspended.");

    /// <summary>Of what could not be measured.</summary>
    IEnumerable<string> DescribeFormer(string slug, EnvironmentStorage storage)
    {
        if (storage.IsOver)
        {
            yield return Describe(slug, storage);
        }

        if (storage.IsOutdated(clock.GetUtcNow()))
        {
            yield return $"The environment of {slug} has not been measured since {storage.MeasuredAt:u}: "
                + (storage.StoppedAt is { } at ? $"stopped since {at:u}." : "it will be stopped when the disk of the environments has less free space than the reserve.");
        }
    }

    // Those that store most beyond what they may come first, and last those that could not be measured for some time: each of them may take minutes again.
    const string Environments = $"""
        select e.tenant_id, t.slug, {EnvironmentTable.Name} from control.environment e
        join control.tenant t on t.id = e.tenant_id
        left join control.environment_storage s on s.tenant_id = e.tenant_id
        where e.state in ({StorageTable.MeasuredStates}) and t.region = $1
        order by coalesce(s.measured_at < $2, false), coalesce(s.bytes - s.allowed_bytes, 0) desc, e.tenant_id
        """;
}
