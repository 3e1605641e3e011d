using System.Net;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>The latency of one tenant's authorizations while another tenant delivers the same large batches again and again, compared with that of the tenant alone.</summary>
sealed class BusyNeighbour(BenchEnvironment environment, BenchOptions options) : Measure
{
    const int Connections = 8, WarmUpRounds = 6;
    const int BatchSize = ControlPlane.Metering.Ingestion.RecordUsage.BatchSize;

    /// <summary>At full speed the two tenants would only compete for the cores.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    public override string Description => "authorize p99 of a tenant while another redelivers batches of 5,000 events";
    public override string Baseline => "the same tenant alone: 8 connections, a request each 10 ms after its last response";
    public override string Unit => "ms";
    public override double? Target => 1.5;

    BenchTenant Tenant => environment.Tenants[0];
    BenchTenant Neighbour => environment.Tenants[1];

    public override async Task PrepareAsync(CancellationToken ct)
    {
        await environment.EmptyAsync(ct);
        // At this rate it takes a while until the server has compiled all code for speed: in the first 20 seconds that took half of its processor time.
        for (var round = 0; round < WarmUpRounds; round++)
        {
            await OursAsync(ct);
            await BaselineAsync(ct);
        }
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var neighbour = RedeliverAsync(stop.Token);
        var latency = await AuthorizeAsync(ct);
        await stop.CancelAsync();
        await neighbour.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (neighbour.IsFaulted)
        {
            await neighbour;
        }

        return latency;
    }

    public override Task<double> BaselineAsync(CancellationToken ct) => AuthorizeAsync(ct);

    async Task<double> AuthorizeAsync(CancellationToken ct)
    {
        await environment.ReleaseReservationsAsync(ct);
        return LoadClients.Percentile(
            await LoadClients.RunAsync(environment.Port, Connections, options.Round, _ => AuthorizeLatency.Requests(Tenant.Key), AuthorizeLatency.Check, ct, Pause), 0.99);
    }

    async Task RedeliverAsync(CancellationToken ct)
    {
        var delivery = EventBodies.Array(TimeProvider.System.GetUtcNow(), BatchSize);
        EventBodies.ReplaceIds(delivery, EventBodies.FindIds(delivery));
        using var http = new HttpClient { BaseAddress = environment.Operator.BaseAddress, DefaultRequestHeaders = { Authorization = new("Bearer", Neighbour.Key) } };
        while (true)
        {
            using var body = new ByteArrayContent(delivery) { Headers = { ContentType = new("application/json") } };
            using var reply = await http.PostAsync(new Uri("/v1/usage", UriKind.Relative), body, ct);
            if (reply.StatusCode == HttpStatusCode.TooManyRequests)
            {
                await Task.Delay(reply.Headers.RetryAfter!.Delta!.Value, ct);
            }
            else
            {
                reply.EnsureSuccessStatusCode();
            }
        }
    }
}
