using ControlPlane.Benchmarks.Measures;

namespace ControlPlane.Benchmarks;

/// <param name="Events">In the table, where its size matters.</param>
sealed record BenchOptions(long Events, int Rounds, TimeSpan Round, IReadOnlyList<string> Only, string Json);

/// <summary><c>./bench</c>: every measure, round by round, ours and the baseline in turn.</summary>
static class Bench
{
    // Those that start with an empty table first.
    static readonly IReadOnlyList<Func<World, BenchOptions, Measure>> s_measures =
    [
        (world, options) => new BatchIngestion(world, options),
        (world, options) => new SingleIngestion(world, options, tenants: 1),
        (world, options) => new SingleIngestion(world, options, tenants: 8),
        (world, options) => new EmptyEndpoint(world, options),
        (world, options) => new Authorizing(world, options),
        (world, _) => new StreamMemory(world),
        (world, options) => new NightlyRollup(world, options, 1_000_000),
        (world, options) => new NightlyRollup(world, options, options.Events),
        (world, options) => new UsageReading(world, options),
    ];

    public static IReadOnlyList<string> Names { get; } = ["batches", "singles", "singles-8", "empty", "authorize", "memory", "nightly-small", "nightly", "report"];

    public static async Task<int> RunAsync(BenchOptions options, CancellationToken ct)
    {
        await using var world = await World.StartAsync(ct);
        var machine = await Machine.ReadAsync(world, ct);
        Console.WriteLine(machine.Sentence);
        var results = new List<Result>();
        foreach (var (name, make) in Names.Zip(s_measures).Where(m => options.Only.Contains(m.First)))
        {
            var measure = make(world, options);
            var result = new Result(name, measure.What, measure.Baseline, measure.Unit, measure.Target, measure.HigherIsBetter);
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
