using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Duration of the nightly job, which must depend on its day only and not on the size of the table.</summary>
sealed class NightlyRollup(BenchEnvironment environment, BenchOptions options, long events) : Measure
{
    public override string Description => $"nightly for a day of {Dataset.EventsPerDay:N0} events, {events:N0} in the table";
    public override string Baseline => "the bare GROUP BY over that day's partition range";
    public override string Unit => "ms";
    public override double? Target => 1.3;

    public override Task PrepareAsync(CancellationToken ct) => Dataset.EnsureAsync(environment, events, ct);

    public override async Task<double> BaselineAsync(CancellationToken ct)
    {
        _ = options;
        var day = Dataset.LastDay;
        var started = Stopwatch.GetTimestamp();
        await environment.ScalarAsync<long>(
            string.Create(CultureInfo.InvariantCulture, $"""
                select count(*) from (
                    select tenant_id, model, user_id, count(*) as requests, sum(prompt_tokens) as prompt, sum(completion_tokens) as completion, sum(cost) as cost
                    from control.usage_event where occurred_at >= '{day:yyyy-MM-dd}' and occurred_at < '{day.AddDays(1):yyyy-MM-dd}' group by tenant_id, model, user_id
                ) day where requests + prompt + completion + cost > 0
                """),
            ct);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        await Dataset.DeleteRollupAsync(environment, Dataset.LastDay, ct);
        var started = Stopwatch.GetTimestamp();
        using var reply = await environment.Operator.PostAsync("/v1/admin/jobs/nightly/run", null, ct);
        var milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var result = await reply.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(ct);
        var rolledUp = await environment.ScalarAsync<long>($"select sum(requests)::bigint from control.daily_usage where day = '{Dataset.LastDay:yyyy-MM-dd}'", ct);
        return rolledUp == Dataset.EventsPerDay ? milliseconds : throw new InvalidDataException($"{rolledUp} events rolled up: {result.GetRawText()}");
    }
}
