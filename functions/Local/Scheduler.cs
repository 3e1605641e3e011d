using Npgsql;

namespace ControlPlane.Local;

/// <summary>
/// Runs each job when its schedule says so, and once at start when a run was missed. While a sandbox clock stands still nothing falls
/// due; moving it runs the jobs. What drains a queue is the <see cref="QueueWatcher"/>'s.
/// </summary>
sealed class Scheduler(JobCatalog jobs, JobRunner runner, Clock clock, IHostApplicationLifetime lifetime, ILogger<Scheduler> log) : BackgroundService
{
    static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    static readonly TimeSpan DatabaseUnavailable = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken ct)
    {
        // A server that could not take its port has not started, and runs nothing.
        if (await lifetime.StartedAsync(ct))
        {
            await Task.WhenAll(jobs.All.Where(job => !job.DrainsQueue).Select(job => KeepScheduleAsync(job, ct)));
        }
    }

    async Task KeepScheduleAsync(JobDefinition job, CancellationToken ct)
    {
        DateTimeOffset? next = null;
        var atStart = true;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var now = clock.GetUtcNow();
                next ??= CronSchedule.Missed(job, await runner.LastScheduledAsync(job, ct), now) ?? CronSchedule.Next(job, now);
                if (next <= now && (atStart || !clock.IsFrozen))
                {
                    await RunAsync(job, next.Value, ct);
                    next = CronSchedule.Next(job, clock.GetUtcNow());
                }

                atStart = false;
                await Task.Delay(Tick, ct);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException && !ct.IsCancellationRequested)
            {
                log.LogWarning("Job {Job} waits for the database: {Why}", job.Name, e.Message);
                await Task.Delay(DatabaseUnavailable, ct);
            }
        }
    }

    async Task RunAsync(JobDefinition job, DateTimeOffset due, CancellationToken ct)
    {
        // Another process on the same database may have been a moment faster.
        if (await runner.LastScheduledAsync(job, ct) is not { } last || last < due)
        {
            await runner.RunAsync(job, due, ct);
        }
    }
}
