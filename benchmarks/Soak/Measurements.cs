using System.Diagnostics;

namespace ControlPlane.Benchmarks.Soak;

enum RequestKind
{
    Authorize,
    Usage,
}

/// <summary>One injected fault, in timestamps of <see cref="Stopwatch"/>.</summary>
/// <param name="Recovered">When the server authorized calls again.</param>
sealed record Fault(string Kind, long Started, long Recovered);

/// <summary>Latencies of successful requests, memory samples and the faults between them.</summary>
sealed class Measurements
{
    /// <summary>Added to each fault: queues and caches settle after recovery.</summary>
    static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <summary>A server that has just started has not compiled its code yet.</summary>
    static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    readonly List<(RequestKind Kind, long Started, long Ended)> _requests = [];
    readonly List<(long At, double Megabytes)> _memory = [];
    readonly List<Fault> _faults = [];

    public IReadOnlyList<Fault> Faults => _faults;
    public double PeakMegabytes => _memory.Count == 0 ? 0 : _memory.Max(sample => sample.Megabytes);
    public int Requests => _requests.Count;

    public void Add(RequestKind kind, long started, long ended)
    {
        lock (_requests)
        {
            _requests.Add((kind, started, ended));
        }
    }

    public void Add(Fault fault) => _faults.Add(fault);

    /// <summary>Samples the server's memory every second.</summary>
    public async Task WatchMemoryAsync(SoakPlatform platform, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), ct).ContinueWith(_ => { }, TaskScheduler.Default);
            if (Stopwatch.GetElapsedTime(platform.ServerStarted) > WarmUp && platform.ServerMegabytes is { } megabytes)
            {
                _memory.Add((Stopwatch.GetTimestamp(), megabytes));
            }
        }
    }

    /// <returns>The 99th percentile in milliseconds of requests that began in this time and overlap no fault; null without requests.</returns>
    public double? P99(RequestKind kind, long from, long to)
    {
        var settling = (long)(Settling.TotalSeconds * Stopwatch.Frequency);
        var latencies = _requests
            .Where(request => request.Kind == kind && request.Started >= from && request.Started < to
                && !_faults.Any(fault => request.Started <= fault.Recovered + settling && request.Ended >= fault.Started))
            .Select(request => Stopwatch.GetElapsedTime(request.Started, request.Ended).TotalMilliseconds).Order().ToList();
        return latencies.Count == 0 ? null : latencies[(int)((latencies.Count - 1) * 0.99)];
    }

    /// <returns>Median memory of the second half divided by that of the first half; null without samples in both.</returns>
    public double? MemoryGrowth(long from, long to)
    {
        var middle = from + ((to - from) / 2);
        var (first, second) = (Samples(from, middle), Samples(middle, to));
        return first.Count == 0 || second.Count == 0 ? null : Result.Median(second) / Result.Median(first);

        List<double> Samples(long start, long end) => [.. _memory.Where(sample => sample.At >= start && sample.At < end).Select(sample => sample.Megabytes)];
    }
}
