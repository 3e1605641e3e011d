using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using ControlPlane.Tests.Support.Crashing;
using Npgsql;

namespace ControlPlane.Tests;

public class DatabaseCrashes
{
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task PostgreSQL_killed_under_load_loses_and_duplicates_no_usage()
    {
        var seed = Seeds.Next();
        var random = new Random(seed);
        using var limit = new CancellationTokenSource(Limit);
        var data = Path.Combine(Directory.CreateTempSubdirectory("controlplane-crash-").FullName, "data");
        await using var server = await CrashingServer.StartAsync([], "--data", data, "--sandbox");
        var clients = new Clients(server, data, limit.Token);
        TestTenant[] tenants = [await clients.CreateTenantAsync("basic"), await clients.CreateTenantAsync("basic")];
        var refusals = new ConcurrentQueue<RetryConditionHeaderValue?>();
        var queued = 0L;

        var killing = KillDatabaseAsync();
        var counted = await Task.WhenAll(tenants.Select((tenant, i) => clients.ReportAsync(tenant, new Random(seed + i), until: killing, refused: reply => refusals.Enqueue(reply.Headers.RetryAfter), queued: events => Interlocked.Add(ref queued, events))));
        await killing;
        await Spool.WaitUntilEmptyAsync(data);
        await clients.RunJobAsync("nightly");

        await using var invariants = new DatabaseInvariants(Connection(data));
        foreach (var (tenant, events) in tenants.Zip(counted))
        {
            var stored = await invariants.ScalarAsync<string[]>("select array_agg(id) from control.usage_event where tenant_id = $1", tenant.Id) ?? [];
            Assert.True(events.Keys.ToHashSet().SetEquals(stored) && stored.Length == events.Count, $"Seed {seed}: {events.Count} events were counted, {stored.Length} are stored");
        }

        Assert.DoesNotContain(await invariants.FindViolationsAsync(), rule => rule.StartsWith("Event", StringComparison.Ordinal));
        Assert.NotEqual(0, queued);
        Assert.All(refusals, retryAfter => Assert.NotNull(retryAfter?.Delta));
        Assert.Equal(0, await server.StopAsync());
        Directory.Delete(Path.GetDirectoryName(data)!, recursive: true);

        async Task KillDatabaseAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                await Task.Delay(random.Next(300, 1_500), limit.Token);
                using (var postmaster = Process.GetProcessById(Postmaster(data)))
                {
                    postmaster.Kill();
                }

                await Task.Delay(random.Next(100, 500), limit.Token);
                // Alternately: an operator stops and restarts the program, and the program crashes with its database.
                if (i % 2 == 0)
                {
                    var stopping = Stopwatch.GetTimestamp();
                    Assert.Equal(0, await server.StopAsync());
                    Assert.True(Stopwatch.GetElapsedTime(stopping) < TimeSpan.FromSeconds(30), "Stopping waits for a database that is not running");
                    await server.RestartAsync();
                }
                else
                {
                    await server.CrashAsync();
                }
            }
        }
    }

    static int Postmaster(string data) => int.Parse(File.ReadLines(Path.Combine(data, "postgres", "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    static string Connection(string data) => new NpgsqlConnectionStringBuilder
    {
        Host = File.ReadLines(Path.Combine(data, "postgres", "postmaster.pid")).ElementAt(4),
        Port = 5432,
        Username = "controlplane",
        Database = "controlplane",
        Password = File.ReadAllText(Path.Combine(data, "postgres.password")),
    }.ToString();
}
