using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace ControlPlane.Benchmarks.Load;

/// <summary>PostgreSQL's own load generator.</summary>
static partial class PgBench
{
    /// <returns>Transactions per second.</returns>
    /// <exception cref="InvalidOperationException">pgbench is not installed, or failed.</exception>
    public static async Task<double> RunAsync(BenchEnvironment environment, string statement, int clients, TimeSpan duration, CancellationToken ct)
    {
        var program = (await PostgresBinaries.FindAsync(ClusterUser.Current, ct)).Select(found => found.Program("pgbench")).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException("pgbench not found: install PostgreSQL with its client programs (Debian, Ubuntu: postgresql).");
        var login = new NpgsqlConnectionStringBuilder(environment.ConnectionString);
        var script = Path.Combine(Path.GetTempPath(), $"bench-{Environment.ProcessId}.sql");
        await File.WriteAllTextAsync(script, statement, ct);
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            "--no-vacuum", "--protocol=prepared", "--client", Text(clients), "--jobs", "2", "--time", Text((int)duration.TotalSeconds), "--file", script,
            "--host", login.Host!, "--port", Text(login.Port), "--username", login.Username!, login.Database!,
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["PGPASSWORD"] = login.Password;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(ct);
        var output = await process.StandardOutput.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        File.Delete(script);
        return Rate().Match(output) is { Success: true } match
            ? double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"pgbench failed: {await errors}");

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"tps = ([0-9.]+) \(without initial connection time\)")]
    private static partial Regex Rate();
}
