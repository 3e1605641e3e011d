namespace ControlPlane.Platform.Jobs;

/// <summary>A run on the way of the sandbox clock.</summary>
/// <param name="Outcome"><c>succeeded</c> or <c>failed</c>.</param>
/// <param name="Alerts">null when there are none.</param>
public sealed record TriggeredJobRun(string Job, DateTimeOffset At, string Outcome, IReadOnlyList<string>? Alerts);

public abstract record MoveClockResult
{
    public sealed record Moved(DateTimeOffset Now, IReadOnlyList<TriggeredJobRun> Ran) : MoveClockResult;
    /// <summary>Time only moves forward; it stands at <paramref name="Now"/>.</summary>
    public sealed record NotForward(DateTimeOffset Now) : MoveClockResult;
}

/// <summary>
/// Moves the sandbox clock forward as time would have passed: it stops at every moment a job is due, runs the job there, and sends what
/// that queued. Jobs that run more often than hourly are left out; those that drain a queue run wherever something may have been queued.
/// </summary>
public sealed class MoveSandboxClock(ControlDatabase database, Clock clock, JobRunner runner)
{
    static readonly TimeSpan WaitForOther = TimeSpan.FromMilliseconds(10);

    /// <exception cref="InvalidOperationException">This installation is not a sandbox.</exception>
    public async Task<MoveClockResult> RunAsync(IReadOnlyList<JobDefinition> jobs, DateTimeOffset to, CancellationToken ct)
    {
        // Two moves at once would run each other's jobs out of order.
        await using var session = await database.OpenJobAsync(ct);
        await session.ExecuteAsync("select pg_advisory_lock(hashtextextended('sandbox clock', 0))", ct);
        try
        {
            await clock.ReadAsync(database, ct);
            var from = clock.GetUtcNow();
            return to < from ? new MoveClockResult.NotForward(from) : await MoveAsync(jobs, from, to, ct);
        }
        finally
        {
            await session.ExecuteAsync("select pg_advisory_unlock(hashtextextended('sandbox clock', 0))", CancellationToken.None);
        }
    }

    async Task<MoveClockResult> MoveAsync(IReadOnlyList<JobDefinition> jobs, DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        var scheduled = jobs.Where(job => !job.DrainsQueue && CronSchedule.RunsAtMostHourly(job)).ToList();
        var queues = jobs.Where(job => job.DrainsQueue).ToList();
        var ran = new List<TriggeredJobRun>();
        // What an interrupted move left out is made up for where the clock stands now.
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
            if (due.At > clock.GetUtcNow())
            {
                await clock.MoveAsync(database, due.At, ct);
            }

            if (await RunAsync(due, ran, ct) is JobResult.Finished { Report.DidNothing: false })
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
            await Task.Delay(WaitForOther, ct);
        }

        // A queue is looked at far more often than there is something in it.
        if (!due.Job.DrainsQueue || result is not JobResult.Finished { Report.DidNothing: true })
        {
            var alerts = result is JobResult.Finished { Report.Alerts: { Count: > 0 } raised } ? raised : null;
            ran.Add(new TriggeredJobRun(due.Job.Name, due.At, result is JobResult.Finished ? "succeeded" : "failed", alerts));
        }

        return result;
    }
}
