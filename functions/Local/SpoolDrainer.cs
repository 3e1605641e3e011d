using Npgsql;

namespace ControlPlane.Local;

/// <summary>Counts what waits in the spool: at start what a process before left, then whatever the database could not take.</summary>
sealed class SpoolDrainer(UsageSpool spool, DrainSpool drain, IHostApplicationLifetime lifetime, ILogger<SpoolDrainer> log) : BackgroundService
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken ct)
    {
        if (!await lifetime.StartedAsync(ct))
        {
            return;
        }

        var waits = false;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (await drain.RunAsync(ct) == waits)
                {
                    waits = !waits;
                    Tell(waits);
                }

                await Task.Delay(Interval, ct);
            }
            catch (Exception e) when (e is PostgresException or IOException or UnauthorizedAccessException && !ct.IsCancellationRequested)
            {
                log.LogError(e, "Usage in {Folder} cannot be counted now and stays there", spool.Folder);
                await Task.Delay(AfterFailure, ct);
            }
        }
    }

    void Tell(bool waits)
    {
        if (waits)
        {
            var backlog = spool.Backlog();
            log.LogWarning("{Events} usage events wait in {Folder}, the oldest since {Since:u}", backlog.Events, spool.Folder, backlog.Oldest);
        }
        else
        {
            log.LogWarning("No usage waits in {Folder} any more", spool.Folder);
        }
    }
}
