using System.Diagnostics;

namespace ControlPlane.Benchmarks.Load;

/// <summary>Connections that each send the next request after the previous response.</summary>
static class LoadClients
{
    /// <param name="request">For the number of a connection, a function that returns its next request.</param>
    /// <param name="check">Throws when the response is wrong.</param>
    /// <param name="pause">Between a response and the next request of its connection.</param>
    /// <returns>The latency of each request.</returns>
    public static async Task<List<TimeSpan>> RunAsync(
        int port, int connections, TimeSpan duration, Func<int, Func<byte[]>> request, Action<ReadOnlyMemory<byte>> check, CancellationToken ct,
        TimeSpan pause = default)
    {
        var started = Stopwatch.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, connections).Select(number => Task.Run(() => LoopAsync(number), ct)));
        return [.. all.SelectMany(latencies => latencies)];

        async Task<List<TimeSpan>> LoopAsync(int number)
        {
            using var connection = await HttpConnection.OpenAsync(port, ct);
            var next = request(number);
            var latencies = new List<TimeSpan>();
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                var bytes = next();
                var sent = Stopwatch.GetTimestamp();
                check(await connection.SendAsync(bytes, ct));
                latencies.Add(Stopwatch.GetElapsedTime(sent));
                if (pause > TimeSpan.Zero)
                {
                    await Task.Delay(pause, ct);
                }
            }

            return latencies;
        }
    }

    /// <returns>The latency in milliseconds within which this share of the requests was answered.</returns>
    public static double Percentile(List<TimeSpan> latencies, double share)
    {
        latencies.Sort();
        return latencies[(int)((latencies.Count - 1) * share)].TotalMilliseconds;
    }
}
