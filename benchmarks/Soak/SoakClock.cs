
namespace ControlPlane.Benchmarks.Soak;

/// <summary>
/// Steps the server's clock (its sandbox clock) and knows its time. Authorized calls finish before a step: their reservations end ten minutes of
/// business time after they were made, and usage after that is unreserved. Reports without authorization go on.
/// </summary>
sealed class SoakClock(SoakPlatform platform, int connections) : IDisposable
{
    static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    readonly SemaphoreSlim _calls = new(connections);
    long _now;

    public DateTimeOffset Now => new(Volatile.Read(ref _now), TimeSpan.Zero);

    public async Task RunCallAsync(Func<Task> call, CancellationToken ct)
    {
        await _calls.WaitAsync(ct);
        try
        {
            await call();
        }
        finally
        {
            _calls.Release();
        }
    }

    /// <summary>Waits for authorized calls and their queued usage, then steps.</summary>
    public async Task StepAsync(TimeSpan step, CancellationToken ct)
    {
        for (var taken = 0; taken < connections; taken++)
        {
            await _calls.WaitAsync(ct);
        }

        try
        {
            await SpoolDrainedAsync(ct);
            await SetAsync(Now + step, ct);
        }
        finally
        {
            _calls.Release(connections);
        }
    }

    public async Task SetAsync(DateTimeOffset now, CancellationToken ct)
    {
        using var moved = await platform.Operator.PostAsJsonAsync("/v1/sandbox/clock", new { now }, ct);
        moved.EnsureSuccessStatusCode();
        Volatile.Write(ref _now, now.UtcTicks);
    }

    public async Task SpoolDrainedAsync(CancellationToken ct)
    {
        var spool = Path.Combine(platform.Disk.Path, "spool");
        while (Directory.Exists(spool) && Directory.EnumerateFiles(spool, "*.json.gz").Any())
        {
            await Task.Delay(PollInterval, ct);
        }
    }

    public void Dispose() => _calls.Dispose();
}
