using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Every user of a machine can read the arguments of its processes, so they must not contain secrets.</summary>
[SupportedOSPlatform("linux")]
public sealed class ProcessArgumentTests
{
    [Fact]
    public async Task No_process_of_a_running_installation_shows_a_secret_in_its_arguments()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var data = Path.Combine(Directory.CreateTempSubdirectory("controlplane-arguments-").FullName, "data");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        using var stop = new CancellationTokenSource();
        var watching = WatchAsync(seen, stop.Token);
        await using (var server = await ServerProcess.StartAsync("--data", data))
        {
            // From the first start on: initdb, the database server, its watchdog, and what jobs start.
            await server.Operator.PostAsync("/v1/admin/jobs/nightly/run", content: null);
            string[] secrets = [ServerProcess.OperatorKey, File.ReadAllText(Path.Combine(data, "postgres.password")).Trim(), File.ReadAllText(Path.Combine(data, "secrets.key")).Trim()];
            await stop.CancelAsync();
            await watching;
            Assert.Contains(seen, arguments => arguments.Contains("postgres", StringComparison.Ordinal));
            Assert.All(secrets, secret => Assert.DoesNotContain(seen, arguments => arguments.Contains(secret, StringComparison.Ordinal)));
        }

        Directory.Delete(Path.GetDirectoryName(data)!, recursive: true);
    }

    static async Task WatchAsync(HashSet<string> seen, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            foreach (var process in Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(folder[^1])))
            {
                try
                {
                    seen.Add((await File.ReadAllTextAsync(Path.Combine(process, "cmdline"), CancellationToken.None)).Replace('\0', ' '));
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It has ended.
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), CancellationToken.None);
        }
    }
}
