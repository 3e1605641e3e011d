using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>The job <c>provision</c>: ends trials, stops what is not paid for, applies approvals, requests missing environments and executes the runs that are due, several tenants at once, until none is left. Any
/// number of processes may run it at the same time.</summary>
public sealed class RunProvisioning(
    ControlDatabase database, EndTrials endTrials, EnforceAccess enforceAccess, ApplyApprovals applyApprovals, MissingEnvironments missing, FormerDatabases former, PullModels models, ExecuteRun execute, ProvisioningOptions options,
    ILogger<RunProvisioning> log)
{
    /// <summary>How often a busy job polls for further runs.</summary>
    static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    static readonly TimeSpan PartsInterval = TimeSpan.FromMinutes(1);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var active = new List<Task<RunOutcome>>();
        var outcomes = new List<RunOutcome>();
        // One at a time: runs that fail again and again, each after minutes, must not delay the others.
        Task<RunOutcome>? retry = null;
        // Deletions, too: a last copy may take hours.
        Task<RunOutcome>? deletion = null;
        var parts = new JobParts(JobSchedules.Provision, log);
        var failed = new HashSet<Guid>();
        var next = Environment.TickCount64;
        IReadOnlyList<string> alerts = [];
        await parts.TryAsync("start the downloads of models", tenant: null, async () => alerts = await models.StartAsync(ct), ct);
        try
        {
            do
            {
                // Again while a run takes long: whoever has paid must not wait for it.
                if (Environment.TickCount64 >= next)
                {
                    await endTrials.RunAsync(parts, ct);
                    await enforceAccess.RunAsync(parts, ct);
                    await applyApprovals.RunAsync(parts, ct);
                    next = Environment.TickCount64 + (long)PartsInterval.TotalMilliseconds;
                }

                await missing.RequestAsync(parts, failed, ct);
                await former.CleanUpAsync(ct);
                // One place more for suspensions and deletions: what starts may take all others for minutes.
                while (active.Count <= options.Concurrency
                    && await Lease.ClaimAsync(
                        database, options.Lease, ct, includeRetries: retry is null or { IsCompleted: true }, onlyStops: active.Count == options.Concurrency,
                        includeDeletions: deletion is null or { IsCompleted: true }) is { } lease)
                {
                    active.Add(ExecuteAsync(lease));
                    retry = lease.Run.IsRetry ? active[^1] : retry;
                    deletion = lease.Run.Kind == RunKinds.Delete ? active[^1] : deletion;
                }

                if (active.Count > 0)
                {
                    await Task.WhenAny([.. active, Task.Delay(PollInterval, ct)]);
                    foreach (var completed in TakeCompleted(active))
                    {
                        outcomes.Add(await completed);
                    }
                }
                else if (await IsDueSoonAsync(failed, ct))
                {
                    await Task.Delay(PollInterval, ct);
                }
                else
                {
                    var report = Report(outcomes);
                    return report with
                    {
                        Alerts = [.. report.Alerts, .. alerts, .. await missing.FindAlertAsync(failed, ct) is { } alert ? [alert] : Array.Empty<string>()],
                        Failures = parts.Failures,
                    };
                }
            }
            while (true);
        }
        finally
        {
            // Each stops when ct is cancelled, at the latest, and releases its run.
            await Task.WhenAll(active);
        }
    }

    /// <summary>Removes the runs that have ended. Each is asked once: one that ends meanwhile is left for the next call, and no outcome is lost.</summary>
    public static List<Task<RunOutcome>> TakeCompleted(List<Task<RunOutcome>> active)
    {
        var completed = active.FindAll(run => run.IsCompleted);
        active.RemoveAll(completed.Contains);
        return completed;
    }

    async Task<RunOutcome> ExecuteAsync(Lease lease)
    {
        await using (lease)
        {
            try
            {
                return await execute.RunAsync(lease);
            }
            catch (Exception e) when (e is NpgsqlException || e.IsDatabaseUnavailable())
            {
                // Nothing can be recorded without the database. The lease expires and the run is claimed again.
                log.LogError(e, "Tenant {Tenant}: run {Run} interrupted, its result could not be recorded", lease.Run.Tenant, lease.Run.Id);
                return new RunOutcome.Stopped();
            }
        }
    }

    async Task<bool> IsDueSoonAsync(IReadOnlySet<Guid> failed, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<bool>(IsDueSoon, ct, options.PollWindow) || (await missing.FindAsync(transaction, failed, ct)).Count > 0;
    }

    static JobReport Report(List<RunOutcome> outcomes) => new(
        new Dictionary<string, long>
        {
            ["succeeded"] = outcomes.OfType<RunOutcome.Succeeded>().Count(),
            ["will_retry"] = outcomes.OfType<RunOutcome.WillRetry>().Count(),
            ["failed"] = outcomes.OfType<RunOutcome.Failed>().Count(),
            ["stopped"] = outcomes.OfType<RunOutcome.Stopped>().Count(),
        },
        [.. outcomes.OfType<RunOutcome.Failed>().Select(o => $"The environment of tenant {o.Tenant} failed at step {o.Step}: {o.Reason}")]);

    const string IsDueSoon = """
        select exists (select from control.provisioning_run
                       where (state = 'queued' and next_attempt_at <= now() + $1) or (state = 'running' and lease_until <= now() + $1))
        """;
}
