using System.Diagnostics;
using System.Text.Json;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>The hourly billing job when no subscription has anything due.</summary>
sealed class IdleBilling(BenchEnvironment environment, BenchOptions options) : Measure
{
    /// <summary>Those of <see cref="InvoicesDue"/> times ten.</summary>
    int Count => options.Subscriptions * 10;

    public override string Description => $"a run of the billing job with nothing due for {Count:N0} subscriptions, over HTTP";
    public override string Baseline => "the second that it may take of the database";
    public override string Unit => "ms";
    public override double? Target => 1;

    public override Task PrepareAsync(CancellationToken ct) => Subscriptions.AddIdleAsync(environment, Count, ct);

    public override Task<double> BaselineAsync(CancellationToken ct) => Task.FromResult(1_000.0);

    public override async Task<double> OursAsync(CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        using var reply = await environment.Operator.PostAsync("/v1/admin/jobs/billing/run", null, ct);
        var milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        using var result = JsonDocument.Parse(await reply.EnsureSuccessStatusCode().Content.ReadAsStringAsync(ct));
        return result.RootElement.GetProperty("outcome").GetString() == "succeeded" ? milliseconds : throw new InvalidDataException(result.RootElement.GetRawText());
    }
}
