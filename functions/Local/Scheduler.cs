
namespace ControlPlane.Local;

/// <summary>
/// Runs each job on its schedule, once at start when a run was missed or killed, and again some minutes after one that failed. While a sandbox clock stands still, nothing is
/// due; advancing it runs the jobs. Jobs that drain a queue are run by the <see cref="QueueWatcher"/>.
/// </summary>
sealed class Scheduler(JobCatalog jobs, JobRunner runner, Clock clock, IHostApplicationLifetime lifetime, ILogger<Scheduler> log) : BackgroundService
{
    static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    static readonly TimeSpan UnavailableDelay = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken ct)
    {
        // A server that could not bind its port has not started and must not run jobs.
        if (await lifetime.StartedAsync(ct))
        {
            await Task.WhenAll(jobs.All.Where(job => !job.DrainsQueue).Select(job => KeepScheduleAsync(job, ct)));
        }
    }

    async Task KeepScheduleAsync(JobDefinition job, CancellationToken ct)
    {
        DateTimeOffset? next = null;
        var (atStart, failures) = (true, 0);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var now = clock.GetUtcNow();
                next ??= CronSchedule.Missed(job, await runner.LastScheduledAsync(job, ct), now) ?? CronSchedule.Next(job, now);
                if (next <= now && (atStart || !clock.IsFrozen))
                {
                    var result = await RunAsync(job, next.Value, ct);
                    failures = result is JobResult.Failed ? failures + 1 : 0;
                    // Another process's run is waited for, because it may be killed.
                    next = result is JobResult.AlreadyRunning ? next : CronSchedule.AfterRun(job, clock.GetUtcNow(), failures);
                }

                atStart = false;
                await Task.Delay(Tick, ct);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever it is, it must not stop the host.
                log.Log(e.IsDatabaseUnavailable() ? LogLevel.Warning : LogLevel.Error, e.IsDatabaseUnavailable() ? null : e, "Job {Job} postponed: {Reason}", job.Name, e.Message);
                await Task.Delay(UnavailableDelay, ct);
            }
        }
    }

    /// <returns>null: another process on the same database has run it first.</returns>
    async Task<JobResult?> RunAsync(JobDefinition job, DateTimeOffset due, CancellationToken ct) =>
        await runner.LastScheduledAsync(job, ct) is { } last && last >= due ? null : await runner.RunAsync(job, due, ct);
}
