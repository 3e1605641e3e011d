using System.Diagnostics;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>The upper bound for single events: the request rate of client and server without any work.</summary>
sealed class EmptyEndpoint(BenchEnvironment environment, BenchOptions options) : Measure
{
    const int Connections = 64;

    public override string Description => "requests/s of GET /healthz, 64 connections: the upper bound for single-event requests";
    public override string Baseline => "pgbench -c 64 inserting one row, one transaction each";
    public override string Unit => "requests/s";
    public override double? Target => null;
    public override bool HigherIsBetter => true;

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        var request = HttpConnection.Request("GET", "/healthz", null, []);
        var started = Stopwatch.GetTimestamp();
        var requests = await LoadClients.RunAsync(environment.Port, Connections, options.Round, _ => () => request, _ => { }, ct);
        return requests.Count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public override Task<double> BaselineAsync(CancellationToken ct) => SingleIngestion.InsertRowsAsync(environment, options, ct);
}
