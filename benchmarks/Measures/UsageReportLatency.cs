using System.Diagnostics;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Latency of a month's usage report, compared with reading its rows directly.</summary>
sealed class UsageReportLatency(BenchEnvironment environment, BenchOptions options) : Measure
{
    const int Repetitions = 50;

    public override string Description => $"GET /v1/usage for a month by day and model, {options.Events:N0} events";
    public override string Baseline => "reading the same rows from the rollup with one SQL query";
    public override string Unit => "ms";
    public override double? Target => 2;

    public override async Task PrepareAsync(CancellationToken ct)
    {
        await Dataset.EnsureAsync(environment, options.Events, ct);
        await OursAsync(ct);
        await BaselineAsync(ct);
    }

    public override Task<double> OursAsync(CancellationToken ct) => MedianAsync(async () =>
    {
        var connection = await HttpConnection.OpenAsync(environment.Port, ct);
        var request = HttpConnection.Request("GET", $"/v1/usage?from={Dataset.LastDay.AddDays(-30):yyyy-MM-dd}&to={Dataset.LastDay.AddDays(1):yyyy-MM-dd}&group_by=day,model", environment.Tenants[0].Key, []);
        return (() => connection.SendAsync(request, ct), connection.Dispose);
    });

    public override Task<double> BaselineAsync(CancellationToken ct) => MedianAsync(async () =>
    {
        var connection = await environment.Database.OpenConnectionAsync(ct);
        return (async () =>
        {
            await using var command = new Npgsql.NpgsqlCommand(
                "select day, model, sum(requests), sum(prompt_tokens), sum(completion_tokens), sum(cost) from control.daily_usage "
                + "where tenant_id = $1 and day >= $2 and day < $3 group by day, model order by day, model", connection)
            {
                Parameters = { new() { Value = environment.Tenants[0].Id }, new() { Value = Dataset.LastDay.AddDays(-30) }, new() { Value = Dataset.LastDay.AddDays(1) } },
            };
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
            }
        }, connection.Dispose);
    });

    // Sequential requests on an idle server, as from a single user.
    static async Task<double> MedianAsync(Func<Task<(Func<Task> Read, Action Close)>> open)
    {
        var (read, close) = await open();
        var times = new List<double>();
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            var started = Stopwatch.GetTimestamp();
            await read();
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        close();
        return Result.Median(times);
    }
}
