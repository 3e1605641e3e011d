
namespace ControlPlane.Local;

/// <summary>Drains the usage spool: deliveries left by an earlier process, then those accepted while the database was unavailable.</summary>
sealed class SpoolDrainer(UsageSpool spool, DrainSpool drain, IHostApplicationLifetime lifetime, ILogger<SpoolDrainer> log) : BackgroundService
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    static readonly TimeSpan FailureDelay = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken ct)
    {
        if (!await lifetime.StartedAsync(ct))
        {
            return;
        }

        var backlogged = false;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (await drain.RunAsync(ct) == backlogged)
                {
                    backlogged = !backlogged;
                    LogBacklog(backlogged);
                }

                await Task.Delay(Interval, ct);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever it is, it must not stop the host.
                log.LogError(e, "Usage in {Folder} cannot be recorded now and stays in the spool", spool.Folder);
                await Task.Delay(FailureDelay, ct);
            }
        }
    }

    void LogBacklog(bool backlogged)
    {
        if (backlogged)
        {
            var backlog = spool.Backlog();
            log.LogWarning("{Events} usage events are spooled in {Folder}, the oldest since {Since:u}", backlog.Events, spool.Folder, backlog.Oldest);
        }
        else
        {
            log.LogInformation("Usage spool {Folder} drained", spool.Folder);
        }
    }
}
