using System.Diagnostics;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>The ceiling of single events: what client and server manage together when the server has nothing to do.</summary>
sealed class EmptyEndpoint(World world, BenchOptions options) : Measure
{
    const int Connections = 64;

    public override string What => "requests/s of GET /healthz, 64 connections: the ceiling of single-event requests here";
    public override string Baseline => "pgbench -c 64 inserting one row, one transaction each";
    public override string Unit => "requests/s";
    public override double? Target => null;
    public override bool HigherIsBetter => true;

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        var request = HttpConnection.Request("GET", "/healthz", null, []);
        var started = Stopwatch.GetTimestamp();
        var requests = await Clients.RunAsync(world.Port, Connections, options.Round, _ => () => request, _ => { }, ct);
        return requests.Count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public override Task<double> BaselineAsync(CancellationToken ct) => SingleIngestion.InsertRowsAsync(world, options, ct);
}
