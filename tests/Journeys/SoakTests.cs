using ControlPlane.Benchmarks.Soak;

namespace ControlPlane.Tests;

/// <summary>A short soak: every kind of fault at least once. <c>./bench --soak</c> runs an hour of it, and also checks latency and memory.</summary>
public class SoakTests
{
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task Under_load_no_fault_loses_or_doubles_an_event_exceeds_a_hard_limit_or_unbalances_the_books()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var log = Path.GetTempFileName();
        var options = new SoakOptions(Tenants: 20, Connections: 16, Duration: TimeSpan.FromSeconds(75), FaultInterval: TimeSpan.FromSeconds(10), log);

        var result = await SoakRun.RunAsync(options, timeout.Token);

        Assert.True(result.Events > 100 && result.Denied > 0, $"Seed {result.Seed}: {result.Events} events and {result.Denied} denials are too few to prove anything");
        Assert.InRange(result.Faults.Select(fault => fault.Kind).Distinct().Count(), OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? 5 : 4, 5);
        Assert.True(
            result.Checks.All(check => check.Holds),
            $"Seed {result.Seed}, log {log}: {string.Join(", ", result.Checks.Where(check => !check.Holds))} {string.Join('\n', result.UnexpectedReplies)}");
        File.Delete(log);
    }
}
