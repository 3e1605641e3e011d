using System.Diagnostics;
using System.Text;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Throughput of requests with one event each, which share commits.</summary>
sealed class SingleIngestion(BenchEnvironment environment, BenchOptions options, int tenants) : Measure
{
    const int Connections = 64;

    public override string Description => $"events/s durable, single-event requests, 64 connections, {(tenants == 1 ? "one tenant" : $"{tenants} tenants")}";
    public override string Baseline => "pgbench -c 64 inserting the same row, one transaction each, without counters";
    public override string Unit => "events/s";
    public override double? Target => tenants == 1 ? 1.5 : null;
    public override bool HigherIsBetter => true;

    public override async Task PrepareAsync(CancellationToken ct) => await OursAsync(ct);

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        await environment.EmptyAsync(ct);
        var started = Stopwatch.GetTimestamp();
        var requests = await LoadClients.RunAsync(environment.Port, Connections, options.Round, number => Requests(environment.Tenants[number % tenants].Key), AcceptedEvents.Check, ct);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await AcceptedEvents.VerifyAsync(environment, requests.Count, ct);
        return requests.Count / seconds;
    }

    public override Task<double> BaselineAsync(CancellationToken ct) => InsertRowsAsync(environment, options, ct);

    /// <returns>Rows per second, one transaction each.</returns>
    public static async Task<double> InsertRowsAsync(BenchEnvironment environment, BenchOptions options, CancellationToken ct)
    {
        await environment.EmptyAsync(ct);
        return await PgBench.RunAsync(environment, Insert(environment.Tenants[0].Id), Connections, options.Round, ct);
    }

    static Func<byte[]> Requests(string key)
    {
        var request = HttpConnection.Request("POST", "/v1/usage", key, Encoding.ASCII.GetBytes(EventBodies.Event(TimeProvider.System.GetUtcNow(), 17)));
        var offsets = EventBodies.FindIds(request);
        return () =>
        {
            EventBodies.ReplaceIds(request, offsets);
            return request;
        };
    }

    static string Insert(Guid tenant) => $"""
        insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period)
        values ('{tenant}', replace(gen_random_uuid()::text, '-', ''), now(), now(), 'user-59', 'chat-0017', 'claude-3-opus', 629, 221, 0.01275, 1);
        """;
}
