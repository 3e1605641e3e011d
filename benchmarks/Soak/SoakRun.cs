using System.Diagnostics;
using System.Net;
using Npgsql;

namespace ControlPlane.Benchmarks.Soak;

/// <param name="Duration">Of the load, with its calm beginning.</param>
/// <param name="FaultInterval">From the start of one fault to the start of the next.</param>
/// <param name="Log">File for the server's log.</param>
sealed record SoakOptions(int Tenants, int Connections, TimeSpan Duration, TimeSpan FaultInterval, string Log)
{
    /// <summary>Time without faults, to compare with: a tenth, at least 15 seconds.</summary>
    public TimeSpan Calm => TimeSpan.FromSeconds(Math.Max(15, Duration.TotalSeconds / 10));
}

/// <summary><c>./bench --soak</c>: load from many tenants while one fault follows another, and what must hold at the end.</summary>
static class SoakRun
{
    static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10), JobPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Closes every period that is open at the end.</summary>
    static readonly TimeSpan LastStep = TimeSpan.FromDays(35);

    public static async Task<SoakResult> RunAsync(SoakOptions options, CancellationToken ct)
    {
        var seed = Random.Shared.Next();
        await using var platform = await SoakPlatform.StartAsync(options.Log, ct);
        using var clock = new SoakClock(platform, options.Connections);
        // The clock only moves forward. From midnight on, so that the daily limits are new.
        await clock.SetAsync(TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(1), ct);
        Console.WriteLine(FormattableString.Invariant($"Seed {seed}. Creating {options.Tenants} tenants …"));
        var tenants = await SoakTenants.CreateAsync(platform, options.Tenants, ct);
        await RunJobAsync(platform, "nightly", ct);

        var measurements = new Measurements();
        var clients = Enumerable.Range(0, options.Connections).Select(number => new SoakClient(platform, tenants, clock, measurements, number, seed)).ToList();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var load = Task.WhenAll(clients.Select(client => Task.Run(() => client.RunAsync(stop.Token, ct), ct)));
        var memory = measurements.WatchMemoryAsync(platform, stop.Token);
        Console.WriteLine(FormattableString.Invariant($"Load from {options.Connections} connections, {options.Calm.TotalSeconds:0} s of them without faults …"));
        await WhileAsync(load, Task.Delay(WarmUp, ct));
        var calm = Stopwatch.GetTimestamp();
        await WhileAsync(load, Task.Delay(options.Calm, ct));
        var chaos = Stopwatch.GetTimestamp();
        using var lastFault = CancellationTokenSource.CreateLinkedTokenSource(ct);
        lastFault.CancelAfter(options.Duration - options.Calm);
        await WhileAsync(load, new Chaos(platform, clock, measurements, new Random(seed)).RunAsync(options.FaultInterval, lastFault.Token, ct));
        var ended = Stopwatch.GetTimestamp();
        await stop.CancelAsync();
        await Task.WhenAll(load, memory);

        Console.WriteLine("Draining the spool and closing the periods …");
        await clock.SpoolDrainedAsync(ct);
        await using var database = new NpgsqlDataSourceBuilder($"{platform.ConnectionString};Command Timeout=0").Build();
        var overLimits = await ScalarAsync(database, Books.TokensOverHardLimits, ct);
        await clock.SetAsync(clock.Now + LastStep, ct);
        await RunJobAsync(platform, "billing", ct);
        await RunJobAsync(platform, "nightly", ct);
        var checks = new List<Check>(await CompareEventsAsync(database, clients, ct))
        {
            new("tokens over hard limits", overLimits, 0),
            new("unexpected replies", clients.Sum(client => client.Unexpected.Count), 0),
        };
        foreach (var (rule, countViolations) in Books.Rules)
        {
            checks.Add(new Check($"violations of: {rule}", await ScalarAsync(database, countViolations, ct), 0));
        }

        var latencies = new[] { RequestKind.Authorize, RequestKind.Usage }
            .Select(kind => new Latency(kind, measurements.P99(kind, calm, chaos), measurements.P99(kind, chaos, ended))).ToList();
        return new SoakResult(
            await Machine.ReadAsync(database, ct), seed, options, checks, latencies, measurements.MemoryGrowth(calm, ended), measurements.PeakMegabytes, measurements.Faults, measurements.Requests,
            clients.Sum(client => client.Acknowledged.Count), clients.Sum(client => client.Denied), [.. clients.SelectMany(client => client.Unexpected).Take(20)]);
    }

    // A client that fails ends the run.
    static async Task WhileAsync(Task load, Task phase)
    {
        if (await Task.WhenAny(load, phase) == load)
        {
            await load;
        }

        await phase;
    }

    static async Task RunJobAsync(SoakPlatform platform, string job, CancellationToken ct)
    {
        while (true)
        {
            using var reply = await platform.Operator.PostAsync($"/v1/admin/jobs/{job}/run", content: null, ct);
            if (reply.StatusCode != HttpStatusCode.Conflict)
            {
                reply.EnsureSuccessStatusCode();
                return;
            }

            await Task.Delay(JobPause, ct);
        }
    }

    static async Task<Check[]> CompareEventsAsync(NpgsqlDataSource database, IEnumerable<SoakClient> clients, CancellationToken ct)
    {
        var missing = clients.SelectMany(client => client.Acknowledged).ToDictionary(usage => usage.Key, usage => (long)usage.Value, StringComparer.Ordinal);
        var (unknown, different) = (0L, 0L);
        await using var command = database.CreateCommand("select id, prompt_tokens + completion_tokens from control.usage_event");
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            if (!missing.Remove(reader.GetString(0), out var tokens))
            {
                unknown++;
            }
            else if (tokens != reader.GetInt64(1))
            {
                different++;
            }
        }

        return [new("acknowledged events lost", missing.Count, 0), new("events counted twice or never sent", unknown, 0), new("events with other tokens", different, 0)];
    }

    static async Task<long> ScalarAsync(NpgsqlDataSource database, string sql, CancellationToken ct)
    {
        await using var command = database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }
}
