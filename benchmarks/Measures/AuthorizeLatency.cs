using System.Text;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>What asking before each call costs beyond asking the database anything at all.</summary>
sealed class Authorizing(World world, BenchOptions options) : Measure
{
    const int Connections = 32;

    public override string What => "authorize p99, 32 connections, 8 tenants";
    public override string Baseline => "p99 of SELECT 1 over Npgsql through an empty endpoint of the same server, 32 connections";
    public override string Unit => "ms";
    public override double? Target => 2.5;

    public override async Task PrepareAsync(CancellationToken ct)
    {
        await world.EmptyAsync(ct);
        // Compiled, connected and planned, on both sides.
        await OursAsync(ct);
        await BaselineAsync(ct);
    }

    public override async Task<double> OursAsync(CancellationToken ct) =>
        Clients.Percentile(
            await Clients.RunAsync(world.Port, Connections, options.Round, number => Questions(world.Tenants[number % world.Tenants.Count].Key), Check, ct), 0.99);

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        var request = HttpConnection.Request("GET", MeasuredServer.SelectOne, null, []);
        return Clients.Percentile(await Clients.RunAsync(world.Port, Connections, options.Round, _ => () => request, _ => { }, ct), 0.99);
    }

    static Func<byte[]> Questions(string key)
    {
        var body = """{"request_id":"00000000000000000000000000000000","user":"user-07","model":"gpt-4-turbo","estimated_tokens":900}""";
        var request = HttpConnection.Request("POST", "/v1/authorize", key, Encoding.ASCII.GetBytes(body));
        int[] places = [request.AsSpan().IndexOf("0000000000000000"u8)];
        return () =>
        {
            EventBodies.Renew(request, places);
            return request;
        };
    }

    static void Check(ReadOnlyMemory<byte> answer)
    {
        if (answer.Span.IndexOf("\"allow\":true"u8) < 0)
        {
            throw new InvalidDataException(Encoding.UTF8.GetString(answer.Span));
        }
    }
}
