using System.Threading.Channels;

namespace ControlPlane.Local;

/// <summary>
/// Runs the jobs that drain a queue: as soon as a transaction announces work, and every few seconds in any case, because
/// announcements without a listener are lost and retries come due without one.
/// </summary>
sealed class QueueWatcher(
    JobCatalog jobs, JobRunner runner, ControlDatabase database, Clock clock, IHostApplicationLifetime lifetime, ILogger<QueueWatcher> log) : BackgroundService
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    static readonly TimeSpan ConcurrentRunDelay = TimeSpan.FromMilliseconds(250);

    // One pending announcement is enough; one that arrives during a run is kept for the next.
    readonly Dictionary<string, Channel<bool>> _announced = jobs.All.Where(job => job.DrainsQueue).ToDictionary(
        job => job.Name, _ => Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }));

    protected override async Task ExecuteAsync(CancellationToken ct)
    {
        if (await lifetime.StartedAsync(ct))
        {
            var drains = jobs.All.Where(job => job.DrainsQueue).Select(job => RestartOnFailureAsync(() => DrainAsync(job, _announced[job.Name].Reader, ct), ct));
            await Task.WhenAll([RestartOnFailureAsync(() => ListenAsync(ct), ct), RestartOnFailureAsync(() => FollowClockAsync(ct), ct), .. drains]);
        }
    }

    async Task ListenAsync(CancellationToken ct)
    {
        await using var session = await database.OpenJobAsync(ct);
        await foreach (var job in session.ListenAsync("control_job", ct))
        {
            if (_announced.TryGetValue(job, out var channel))
            {
                channel.Writer.TryWrite(true);
            }
        }
    }

    async Task DrainAsync(JobDefinition job, ChannelReader<bool> announced, CancellationToken ct)
    {
        while (true)
        {
            while (await runner.RunAsync(job, clock.GetUtcNow(), ct) is JobResult.AlreadyRunning)
            {
                // The other run may have read the queue before the announced work was in it.
                await Task.Delay(ConcurrentRunDelay, ct);
            }

            using var interval = CancellationTokenSource.CreateLinkedTokenSource(ct);
            interval.CancelAfter(Interval);
            try
            {
                await announced.ReadAsync(interval.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                // No announcement: poll anyway.
            }
        }
    }

    // Another process of the sandbox may move the clock.
    async Task FollowClockAsync(CancellationToken ct)
    {
        while (true)
        {
            await Task.Delay(Interval, ct);
            await clock.ReadAsync(database, ct);
        }
    }

    /// <summary>Restarts the work after the database was unavailable.</summary>
    async Task RestartOnFailureAsync(Func<Task> work, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await work();
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever it is, it must not stop the host.
                log.Log(e.IsDatabaseUnavailable() ? LogLevel.Warning : LogLevel.Error, e.IsDatabaseUnavailable() ? null : e, "Queue polling paused: {Reason}", e.Message);
                await Task.Delay(Interval, ct);
            }
        }
    }
}

static class Lifetimes
{
    /// <returns>True once the application has started, false when it was stopped before.</returns>
    public static async Task<bool> StartedAsync(this IHostApplicationLifetime lifetime, CancellationToken ct)
    {
        var started = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var yes = lifetime.ApplicationStarted.Register(() => started.TrySetResult(true));
        await using var no = ct.Register(() => started.TrySetResult(false));
        return await started.Task;
    }
}
