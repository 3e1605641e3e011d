using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace ControlPlane.Benchmarks.Soak;

/// <summary>A count that must not exceed its maximum.</summary>
sealed record Check(string Name, long Value, long Maximum)
{
    public bool Holds => Value <= Maximum;
}

/// <summary>99th percentiles in milliseconds; null without successful requests.</summary>
/// <param name="BetweenFaults">Outside the time from each fault to two seconds after recovery.</param>
sealed record Latency(RequestKind Kind, double? Calm, double? BetweenFaults)
{
    public const double MaximumRatio = 2;

    public double? Ratio => BetweenFaults / Calm;
    public bool Holds => Ratio <= MaximumRatio;
}

/// <param name="MemoryGrowth">Median memory of the second half divided by that of the first half.</param>
/// <param name="UnexpectedReplies">The first of them.</param>
sealed record SoakResult(
    Machine Machine, int Seed, SoakOptions Options, IReadOnlyList<Check> Checks, IReadOnlyList<Latency> Latencies, double? MemoryGrowth, double PeakMegabytes,
    IReadOnlyList<Fault> Faults, int Requests, int Events, int Denied, IReadOnlyList<string> UnexpectedReplies)
{
    const double MaximumMemoryGrowth = 1.2;

    static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public bool MemoryHolds => MemoryGrowth <= MaximumMemoryGrowth;
    public bool Holds => Checks.All(check => check.Holds) && Latencies.All(latency => latency.Holds) && MemoryHolds;

    IEnumerable<(string Kind, int Count, double Median, double Longest)> FaultsByKind => Faults.GroupBy(fault => fault.Kind).Select(kind =>
    {
        var seconds = kind.Select(fault => Stopwatch.GetElapsedTime(fault.Started, fault.Recovered).TotalSeconds).ToList();
        return (kind.Key, seconds.Count, Result.Median(seconds), seconds.Max());
    });

    public void Print()
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("Check", "Value", "Maximum", "");
        foreach (var check in Checks)
        {
            table.AddRow(Markup.Escape(check.Name), Text(check.Value), Text(check.Maximum), Word(check.Holds));
        }

        foreach (var latency in Latencies)
        {
            table.AddRow(
                string.Create(CultureInfo.InvariantCulture, $"p99 of {latency.Kind.ToString().ToLowerInvariant()} between faults: {latency.BetweenFaults:0.0} ms, calm: {latency.Calm:0.0} ms"),
                Text(latency.Ratio), Text(Latency.MaximumRatio), Word(latency.Holds));
        }

        table.AddRow(string.Create(CultureInfo.InvariantCulture, $"growth of the server's memory, peak {PeakMegabytes:0} MB"), Text(MemoryGrowth), Text(MaximumMemoryGrowth), Word(MemoryHolds));
        AnsiConsole.Write(table);
        foreach (var (kind, count, median, longest) in FaultsByKind)
        {
            Console.WriteLine(FormattableString.Invariant($"{kind}: {count} times, {median:0.0} s until recovery, at most {longest:0.0} s"));
        }

        foreach (var reply in UnexpectedReplies)
        {
            Console.WriteLine($"Unexpected reply: {reply}");
        }

        Console.WriteLine(FormattableString.Invariant(
            $"{Requests:N0} requests, {Events:N0} events and {Denied:N0} denials from {Options.Tenants} tenants over {Options.Connections} connections in {Options.Duration.TotalMinutes:0.#} minutes."));
    }

    public async Task WriteAsync(string file, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        await using var stream = File.Create(file);
        await JsonSerializer.SerializeAsync(
            stream,
            new
            {
                Machine,
                Holds,
                Seed,
                Options.Tenants,
                Options.Connections,
                Minutes = Options.Duration.TotalMinutes,
                Requests,
                Events,
                Denied,
                Checks,
                Latencies = Latencies.Select(latency => new { Kind = latency.Kind.ToString(), latency.Calm, latency.BetweenFaults, latency.Ratio, Latency.MaximumRatio, latency.Holds }),
                MemoryGrowth,
                PeakMegabytes,
                Faults = FaultsByKind.Select(kind => new { kind.Kind, kind.Count, MedianSeconds = kind.Median, LongestSeconds = kind.Longest }),
                UnexpectedReplies,
            },
            Json, ct);
    }

    static string Text(double? value) => value?.ToString("0.##", CultureInfo.InvariantCulture) ?? "none";

    static string Word(bool holds) => holds ? "holds" : "VIOLATED";
}
