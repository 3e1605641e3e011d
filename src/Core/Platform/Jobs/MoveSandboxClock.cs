namespace ControlPlane.Platform.Jobs;

/// <summary>A job run that moving the sandbox clock has triggered.</summary>
/// <param name="Outcome"><c>succeeded</c> or <c>failed</c>.</param>
/// <param name="Alerts">null when there are none.</param>
public sealed record TriggeredJobRun(string Job, DateTimeOffset At, string Outcome, IReadOnlyList<string>? Alerts);

public abstract record MoveClockResult
{
    public sealed record Moved(DateTimeOffset Now, IReadOnlyList<TriggeredJobRun> Ran) : MoveClockResult;
    /// <summary>The requested time is before <paramref name="Now"/>, and time only moves forward.</summary>
    public sealed record NotForward(DateTimeOffset Now) : MoveClockResult;
}

/// <summary>
/// Moves the sandbox clock forward as if time had passed: stops whenever a job is due, runs it at that time, and drains what it queued. Jobs that are due
/// more often than hourly are not replayed, nor those that say they have nothing to do; those that drain a queue run whenever something may have been queued.
/// </summary>
public sealed class MoveSandboxClock(ControlDatabase database, Clock clock, JobRunner runner)
{
    static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(10);

    /// <param name="actor">The operator who moves it, for the audit log; null at the start of the program.</param>
    /// <exception cref="InvalidOperationException">This installation is not a sandbox.</exception>
    public async Task<MoveClockResult> RunAsync(IReadOnlyList<JobDefinition> jobs, DateTimeOffset to, CancellationToken ct, string? actor = null)
    {
        // Concurrent moves would run each other's jobs out of order.
        await using var session = await database.OpenJobAsync(ct);
        await session.ExecuteAsync("select pg_advisory_lock(hashtextextended('sandbox clock', 0))", ct);
        try
        {
            await clock.ReadAsync(database, ct);
            var from = clock.GetUtcNow();
            if (to < from)
            {
                return new MoveClockResult.NotForward(from);
            }

            await (actor is null ? Task.CompletedTask : AuditAsync(actor, to, ct));
            return await MoveAsync(jobs, from, to, ct);
        }
        finally
        {
            await session.ExecuteAsync("select pg_advisory_unlock(hashtextextended('sandbox clock', 0))", CancellationToken.None);
        }
    }

    async Task AuditAsync(string actor, DateTimeOffset to, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.AuditAsync(clock, null, actor, "sandbox_clock.moved", new { to }, ct);
        await transaction.CommitAsync(ct);
    }

    async Task<MoveClockResult> MoveAsync(IReadOnlyList<JobDefinition> jobs, DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        var scheduled = jobs.Where(job => !job.DrainsQueue && CronSchedule.RunsAtMostHourly(job)).ToList();
        var queues = jobs.Where(job => job.DrainsQueue).ToList();
        var ran = new List<TriggeredJobRun>();
        // Runs that an interrupted move has skipped are caught up at the current time.
        var missed = new List<Occurrence>();
        foreach (var job in scheduled)
        {
            if (CronSchedule.Missed(job, await runner.LastScheduledAsync(job, ct), from) is not null)
            {
                missed.Add(new Occurrence(job, from));
            }
        }

        foreach (var due in missed.Concat(CronSchedule.Between(scheduled, from, to)))
        {
            if (due.Job.HasWork is { } hasWork && !await hasWork(due.At, ct))
            {
                continue;
            }

            if (due.At > clock.GetUtcNow())
            {
                await clock.MoveAsync(database, due.At, ct);
            }

            if (await RunAsync(due, ran, ct) is not JobResult.Finished { Report.DidNothing: true })
            {
                await DrainAsync(queues, ran, ct);
            }
        }

        await clock.MoveAsync(database, to, ct);
        await DrainAsync(queues, ran, ct);
        return new MoveClockResult.Moved(clock.GetUtcNow(), ran);
    }

    async Task DrainAsync(List<JobDefinition> queues, List<TriggeredJobRun> ran, CancellationToken ct)
    {
        foreach (var queue in queues)
        {
            await RunAsync(new Occurrence(queue, clock.GetUtcNow()), ran, ct);
        }
    }

    async Task<JobResult> RunAsync(Occurrence due, List<TriggeredJobRun> ran, CancellationToken ct)
    {
        JobResult result;
        while ((result = await runner.RunAsync(due.Job, due.At, ct)) is JobResult.AlreadyRunning)
        {
            await Task.Delay(RetryDelay, ct);
        }

        // Most runs of a queue's job find it empty.
        if (!due.Job.DrainsQueue || result is not JobResult.Finished { Report.DidNothing: true })
        {
            var report = result is JobResult.Finished finished ? finished.Report : (result as JobResult.Failed)?.Report;
            ran.Add(new TriggeredJobRun(due.Job.Name, due.At, result is JobResult.Finished ? "succeeded" : "failed", report?.Alerts is { Count: > 0 } alerts ? alerts : null));
        }

        return result;
    }
}
