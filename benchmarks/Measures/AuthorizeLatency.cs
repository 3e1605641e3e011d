using System.Text;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>The latency of authorizing a call, compared with a trivial query.</summary>
sealed class AuthorizeLatency(BenchEnvironment environment, BenchOptions options) : Measure
{
    const int Connections = 32;

    public override string Description => "authorize p99, 32 connections, 8 tenants";
    public override string Baseline => "p99 of SELECT 1 over Npgsql through an empty endpoint of the same server, 32 connections";
    public override string Unit => "ms";
    public override double? Target => 2.5;

    public override async Task PrepareAsync(CancellationToken ct)
    {
        await environment.EmptyAsync(ct);
        // Warms up both sides: compiled code, connections and query plans.
        await OursAsync(ct);
        await BaselineAsync(ct);
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        await environment.ReleaseReservationsAsync(ct);
        return LoadClients.Percentile(
            await LoadClients.RunAsync(environment.Port, Connections, options.Round, number => Requests(environment.Tenants[number % environment.Tenants.Count].Key), Check, ct), 0.99);
    }

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        var request = HttpConnection.Request("GET", MeasuredServer.SelectOne, null, []);
        return LoadClients.Percentile(await LoadClients.RunAsync(environment.Port, Connections, options.Round, _ => () => request, _ => { }, ct), 0.99);
    }

    /// <returns>The next request of a connection, each with a new id.</returns>
    public static Func<byte[]> Requests(string key)
    {
        var body = """{"request_id":"00000000000000000000000000000000","user":"user-07","model":"gpt-4-turbo","estimated_tokens":900}""";
        var request = HttpConnection.Request("POST", "/v1/authorize", key, Encoding.ASCII.GetBytes(body));
        int[] offsets = [request.AsSpan().IndexOf("0000000000000000"u8)];
        return () =>
        {
            EventBodies.ReplaceIds(request, offsets);
            return request;
        };
    }

    /// <exception cref="InvalidDataException">The call was not allowed.</exception>
    public static void Check(ReadOnlyMemory<byte> response)
    {
        if (response.Span.IndexOf("\"allow\":true"u8) < 0)
        {
            throw new InvalidDataException(Encoding.UTF8.GetString(response.Span));
        }
    }
}
