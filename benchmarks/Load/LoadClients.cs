using System.Diagnostics;

namespace ControlPlane.Benchmarks.Load;

/// <summary>So many connections that each send the next request when the last is answered.</summary>
static class Clients
{
    /// <param name="request">Renews the request of a connection, given its number; called before every sending.</param>
    /// <param name="answered">Looks at the answer; throws when it is not as it has to be.</param>
    /// <returns>The latency of each request.</returns>
    public static async Task<List<TimeSpan>> RunAsync(
        int port, int connections, TimeSpan duration, Func<int, Func<byte[]>> request, Action<ReadOnlyMemory<byte>> answered, CancellationToken ct)
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
                answered(await connection.SendAsync(bytes, ct));
                latencies.Add(Stopwatch.GetElapsedTime(sent));
            }

            return latencies;
        }
    }

    /// <returns>Milliseconds below which a share of the requests was answered.</returns>
    public static double Percentile(List<TimeSpan> latencies, double share)
    {
        latencies.Sort();
        return latencies[(int)((latencies.Count - 1) * share)].TotalMilliseconds;
    }
}
