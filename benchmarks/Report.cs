using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace ControlPlane.Benchmarks;

/// <summary>The results as a table and as JSON.</summary>
static class Report
{
    static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public static void Print(IReadOnlyList<Result> results)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("Measure", "Ours", "Baseline", "Ratio", "Spread", "Target", "");
        foreach (var r in results)
        {
            table.AddRow(
                r.Name, $"{Number(Result.Median(r.Ours))} {r.Unit}", $"{Number(Result.Median(r.Baseline))} {r.Unit}",
                Number(Result.Median(r.Ratios)), $"{Number(r.Ratios.Min())} to {Number(r.Ratios.Max())}",
                r.Target is { } target ? $"{(r.HigherIsBetter ? "at least" : "at most")} {(r.IsDifference ? "+" : "")}{target.ToString(CultureInfo.InvariantCulture)}" : "",
                r.IsMet switch { true => "met", false => "MISSED", null => "" });
        }

        AnsiConsole.Write(table);
        foreach (var r in results)
        {
            // Not through AnsiConsole, which wraps lines at 80 characters when there is no terminal.
            Console.WriteLine($"{r.Name}: {r.Description}\n    against {r.BaselineDescription}");
        }
    }

    public static async Task WriteAsync(string file, Machine machine, BenchOptions options, IReadOnlyList<Result> results, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        await using var stream = File.Create(file);
        await JsonSerializer.SerializeAsync(
            stream,
            new
            {
                Machine = machine,
                options.Events,
                Seconds = options.Round.TotalSeconds,
                Measures = results.Select(r => new
                {
                    r.Name,
                    What = r.Description,
                    Baseline = r.BaselineDescription,
                    r.Unit,
                    OursMedian = Result.Median(r.Ours),
                    BaselineMedian = Result.Median(r.Baseline),
                    Ratio = Result.Median(r.Ratios),
                    r.Target,
                    r.IsMet,
                    Rounds = r.Ours.Zip(r.Baseline, (ours, baseline) => new { ours, baseline }),
                }),
            },
            Json, ct);
    }

    static string Number(double value) => Result.Format(value).ToString(CultureInfo.InvariantCulture);
}
