using System.Diagnostics;

namespace ControlPlane.Benchmarks.Soak;

/// <summary>Injects one fault per interval, each kind equally often, and waits until the server has recovered from it.</summary>
sealed class Chaos(SoakPlatform platform, SoakClock clock, Measurements measurements, Random random)
{
    static readonly TimeSpan ProbePause = TimeSpan.FromMilliseconds(100), ProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>No fault may take longer to recover from.</summary>
    static readonly TimeSpan RecoveryTimeout = TimeSpan.FromMinutes(2);

    public const string DatabaseKilled = "PostgreSQL killed", NetworkCut = "network cut", DiskFull = "disk full", ClockStepped = "clock stepped", ProcessKilled = "process killed";

    IReadOnlyList<(string Kind, Func<CancellationToken, Task> InjectAsync)> Kinds =>
    [
        (DatabaseKilled, KillDatabaseAsync),
        (NetworkCut, CutNetworkAsync),
        (ClockStepped, ct => clock.StepAsync(TimeSpan.FromMinutes(random.Next(6 * 60, 30 * 60)), ct)),
        (ProcessKilled, KillServerAsync),
        .. platform.Disk.IsMounted ? [(DiskFull, FillDiskAsync)] : Array.Empty<(string, Func<CancellationToken, Task>)>(),
    ];

    /// <param name="stop">After it and at least one fault of each kind, no further fault begins; one that has begun ends.</param>
    public async Task RunAsync(TimeSpan interval, CancellationToken stop, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var next = new Queue<(string Kind, Func<CancellationToken, Task> InjectAsync)>();
        for (var slot = 0; ; slot++)
        {
            if (Stopwatch.GetElapsedTime(started) < interval * slot)
            {
                await Task.Delay((interval * slot) - Stopwatch.GetElapsedTime(started), stop).ContinueWith(_ => { }, TaskScheduler.Default);
            }

            if (stop.IsCancellationRequested && slot >= Kinds.Count)
            {
                return;
            }

            if (next.Count == 0)
            {
                next = new([.. Kinds.OrderBy(_ => random.Next())]);
            }

            await InjectAsync(next.Dequeue(), ct);
        }
    }

    async Task InjectAsync((string Kind, Func<CancellationToken, Task> InjectAsync) fault, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        await fault.InjectAsync(ct);
        var ended = Stopwatch.GetTimestamp();
        await RecoveredAsync(ct);
        measurements.Add(new Fault(fault.Kind, started, Stopwatch.GetTimestamp()));
        Console.WriteLine(FormattableString.Invariant(
            $"{fault.Kind}: {Stopwatch.GetElapsedTime(started, ended).TotalSeconds:0.0} s, recovered after {Stopwatch.GetElapsedTime(ended).TotalSeconds:0.0} s"));
    }

    async Task KillDatabaseAsync(CancellationToken ct)
    {
        await platform.KillDatabaseAsync();
        await Task.Delay(random.Next(500, 3_000), ct);
        await platform.RestartDatabaseAsync(ct);
    }

    async Task CutNetworkAsync(CancellationToken ct)
    {
        platform.Relay.Cut();
        await Task.Delay(random.Next(2_000, 6_000), ct);
        await platform.Relay.RestoreAsync();
    }

    // A full disk matters when usage has to be spooled: during an outage of the database.
    async Task FillDiskAsync(CancellationToken ct)
    {
        platform.Relay.Cut();
        platform.Disk.Fill();
        await Task.Delay(random.Next(2_000, 5_000), ct);
        platform.Disk.Free();
        await platform.Relay.RestoreAsync();
    }

    async Task KillServerAsync(CancellationToken ct)
    {
        await platform.KillServerAsync();
        await platform.StartServerAsync(ct);
    }

    async Task RecoveredAsync(CancellationToken ct)
    {
        var waiting = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync(ct))
        {
            if (Stopwatch.GetElapsedTime(waiting) > RecoveryTimeout)
            {
                throw new TimeoutException($"The server has not recovered within {RecoveryTimeout.TotalMinutes:0} minutes.");
            }

            await Task.Delay(ProbePause, ct);
        }
    }

    async Task<bool> IsReadyAsync(CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(ProbeTimeout);
        try
        {
            using var reply = await platform.Http.GetAsync("/readyz", timeout.Token);
            return reply.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return false;
        }
    }
}
