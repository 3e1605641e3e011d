using System.Diagnostics;
using ControlPlane.Benchmarks.Load;
using Npgsql;
using NpgsqlTypes;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Throughput of large deliveries, compared with COPY into the same table.</summary>
sealed class BatchIngestion(BenchEnvironment environment, BenchOptions options) : Measure
{
    const int Connections = 4;
    const int BatchSize = 1_000;

    public override string Description => "events/s durable, HTTP batches of 1,000, 4 connections";
    public override string Baseline => "binary COPY of the same rows into the same table, batches of 1,000, 4 connections";
    public override string Unit => "events/s";
    public override double? Target => 0.5;
    public override bool HigherIsBetter => true;

    // Warms up both sides: compiled code, connections and query plans.
    public override async Task PrepareAsync(CancellationToken ct)
    {
        await OursAsync(ct);
        await BaselineAsync(ct);
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        await environment.EmptyAsync(ct);
        var started = Stopwatch.GetTimestamp();
        var requests = await LoadClients.RunAsync(environment.Port, Connections, options.Round, number => Batches(environment.Tenants[number % environment.Tenants.Count].Key), AcceptedEvents.Check, ct);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await AcceptedEvents.VerifyAsync(environment, requests.Count * (long)BatchSize, ct);
        return requests.Count * BatchSize / seconds;
    }

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        await environment.EmptyAsync(ct);
        var started = Stopwatch.GetTimestamp();
        var rows = await Task.WhenAll(Enumerable.Range(0, Connections).Select(number => Task.Run(() => CopyAsync(environment.Tenants[number].Id, started, ct), ct)));
        return rows.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    static Func<byte[]> Batches(string key)
    {
        var request = HttpConnection.Request("POST", "/v1/usage", key, EventBodies.Array(TimeProvider.System.GetUtcNow(), BatchSize));
        var offsets = EventBodies.FindIds(request);
        return () =>
        {
            EventBodies.ReplaceIds(request, offsets);
            return request;
        };
    }

    async Task<long> CopyAsync(Guid tenant, long started, CancellationToken ct)
    {
        await using var connection = await environment.Database.OpenConnectionAsync(ct);
        var rows = 0L;
        while (Stopwatch.GetElapsedTime(started) < options.Round)
        {
            await CopyBatchAsync(connection, tenant, ct);
            rows += BatchSize;
        }

        return rows;
    }

    // The same values that ingestion stores for these events.
    static async Task CopyBatchAsync(NpgsqlConnection connection, Guid tenant, CancellationToken ct)
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var copy = await connection.BeginBinaryImportAsync(
            "copy control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period) from stdin (format binary)", ct);
        for (var number = 0; number < BatchSize; number++)
        {
            await copy.StartRowAsync(ct);
            await copy.WriteAsync(tenant, NpgsqlDbType.Uuid, ct);
            await copy.WriteAsync(EventBodies.NewId(), NpgsqlDbType.Text, ct);
            await copy.WriteAsync(now.AddTicks(number * 10), NpgsqlDbType.TimestampTz, ct);
            await copy.WriteAsync(now, NpgsqlDbType.TimestampTz, ct);
            await copy.WriteAsync($"user-{number * 7 % EventBodies.Users:00}", NpgsqlDbType.Text, ct);
            await copy.WriteAsync($"chat-{number % 997:0000}", NpgsqlDbType.Text, ct);
            await copy.WriteAsync(EventBodies.Models[number % 3], NpgsqlDbType.Text, ct);
            await copy.WriteAsync(number * 37L % 4000, NpgsqlDbType.Bigint, ct);
            await copy.WriteAsync(number * 13L % 900, NpgsqlDbType.Bigint, ct);
            await copy.WriteAsync(number % 3 == 0 ? 0m : number * 50 % 4900 / 100_000m, NpgsqlDbType.Numeric, ct);
            await copy.WriteAsync(1, NpgsqlDbType.Integer, ct);
        }

        await copy.CompleteAsync(ct);
    }
}
