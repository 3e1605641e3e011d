namespace ControlPlane.Benchmarks.Soak;

/// <summary>Runs the soak, prints its table and writes <c>artifacts/soak.json</c>.</summary>
static class SoakCommand
{
    const int Tenants = 200, Connections = 32;
    static readonly TimeSpan FaultInterval = TimeSpan.FromSeconds(20);

    /// <returns>The exit code: 1 when a check failed.</returns>
    public static async Task<int> RunAsync(TimeSpan duration, CancellationToken ct)
    {
        Directory.CreateDirectory("artifacts");
        var log = Path.Combine("artifacts", "soak-server.log");
        var result = await SoakRun.RunAsync(new SoakOptions(Tenants, Connections, duration, FaultInterval, log), ct);
        result.Print();
        var file = Path.Combine("artifacts", "soak.json");
        await result.WriteAsync(file, ct);
        Console.WriteLine($"Written to {file}; the server's log is in {log}. {result.Machine.Sentence}");
        return result.Holds ? 0 : 1;
    }
}
