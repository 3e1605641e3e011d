using ControlPlane.Benchmarks.Measures;

namespace ControlPlane.Benchmarks;

/// <param name="Events">Size of the event table, for measures that depend on it.</param>
/// <param name="Subscriptions">Due at once; ten times as many without anything due.</param>
/// <param name="Only">Names of the measures to run.</param>
/// <param name="Json">File for the results.</param>
sealed record BenchOptions(long Events, int Subscriptions, int Rounds, TimeSpan Round, IReadOnlyList<string> Only, string Json);

/// <summary><c>./bench</c>: runs every measure in several rounds, alternating between the baseline and our own code.</summary>
static class Bench
{
    // Measures that start with an empty table first.
    static readonly IReadOnlyList<Func<BenchEnvironment, BenchOptions, Measure>> AllMeasures =
    [
        (environment, options) => new BatchIngestion(environment, options),
        (environment, options) => new SingleIngestion(environment, options, tenants: 1),
        (environment, options) => new SingleIngestion(environment, options, tenants: 8),
        (environment, options) => new EmptyEndpoint(environment, options),
        (environment, options) => new AuthorizeLatency(environment, options),
        (environment, options) => new BusyNeighbour(environment, options),
        (environment, _) => new StreamMemory(environment),
        (environment, options) => new NightlyRollup(environment, options, 1_000_000),
        (environment, options) => new NightlyRollup(environment, options, options.Events),
        (environment, options) => new UsageReportLatency(environment, options),
        (environment, options) => new InvoicesDue(environment, options),
        (_, options) => new InvoiceMemory(options),
        (environment, options) => new IdleBilling(environment, options),
    ];

    public static IReadOnlyList<string> Names { get; } =
    [
        "batches", "singles", "singles-8", "empty", "authorize", "neighbour", "memory", "nightly-small", "nightly", "report", "invoices", "invoice-memory", "billing-idle",
    ];

    public static async Task<int> RunAsync(BenchOptions options, CancellationToken ct)
    {
        await using var environment = await BenchEnvironment.StartAsync(ct);
        var machine = await Machine.ReadAsync(environment.Database, ct);
        Console.WriteLine(machine.Sentence);
        var results = new List<Result>();
        foreach (var (name, create) in Names.Zip(AllMeasures).Where(m => options.Only.Contains(m.First)))
        {
            var measure = create(environment, options);
            var result = new Result(name, measure.Description, measure.Baseline, measure.Unit, measure.Target, measure.HigherIsBetter);
            await measure.PrepareAsync(ct);
            for (var round = 1; round <= (measure.Rounds ?? options.Rounds); round++)
            {
                result.Add(await measure.BaselineAsync(ct), await measure.OursAsync(ct));
                Console.WriteLine($"{name} {round}: {result.LastRound}");
            }

            results.Add(result);
        }

        Report.Print(results);
        await Report.WriteAsync(options.Json, machine, options, results, ct);
        Console.WriteLine($"Written to {options.Json}. {machine.Sentence}");
        return 0;
    }
}
