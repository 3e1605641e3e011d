using ControlPlane.Tests.Support.Crashing;

namespace ControlPlane.Tests;

[Trait("Category", "Slow")]
public class CrashJourneys
{
    const int Kills = 12, MostSignUps = 20;
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>A worker that was killed is followed by another when its lease ends, 30 s later.</summary>
    static readonly TimeSpan LeaseAndSome = TimeSpan.FromSeconds(90);
    static readonly TimeSpan BetweenSignUps = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task Killed_at_random_points_of_signup_provisioning_ingestion_and_invoicing_nothing_is_lost_or_doubled()
    {
        var seed = Seeds.Next();
        using var patience = new CancellationTokenSource(Patience);
        var database = await TestCluster.NewDatabaseAsync();
        var data = Directory.CreateTempSubdirectory("controlplane-crash-").FullName;
        try
        {
            await using var books = new Books(database);
            await using (var server = await CrashingServer.StartAsync(["--clock", $"{Start:O}"], "--database", database, "--data", data, "--sandbox"))
            {
                var clients = new Clients(server, data, patience.Token);
                await clients.MoveClockAsync(Start.AddHours(1));
                TestTenant[] tenants = [await clients.CreateTenantAsync("basic"), await clients.CreateTenantAsync("premium")];

                var killing = KillAsync(server, books, new Random(seed));
                var reports = tenants.Select((tenant, i) => clients.ReportAsync(tenant, new Random(seed + i), until: killing)).ToList();
                var signUps = SignUpsAsync(clients, until: killing);
                await Task.WhenAll([killing, PassTimeAsync(clients, new Random(seed), until: killing), signUps, .. reports]);
                await Spool.EmptyAsync(data);
                await clients.MoveClockAsync(clients.Now.AddDays(32));
                await ProvisionedAsync(books);
                foreach (var job in new[] { "provision", "billing", "nightly", "retention", "outbox" })
                {
                    await clients.RunJobAsync(job);
                }

                await server.StopAsync();
                var broken = (await books.BrokenAsync()).ToList();
                for (var i = 0; i < tenants.Length; i++)
                {
                    broken.AddRange(await DifferenceAsync(books, tenants[i], await reports[i]));
                }

                broken.AddRange(await MissingAsync(books, await signUps));
                Assert.True(broken.Count == 0, $"Seed {seed}, {server.Kills} kills:\n{string.Join('\n', broken)}");
                Assert.Equal(await books.AskAsync<long>("select count(*) from control.outbox"), Directory.GetFiles(Path.Combine(data, "mail"), "*.eml").Length);
            }
        }
        finally
        {
            await TestCluster.DropAsync(database);
            Directory.Delete(data, recursive: true);
        }
    }

    static async Task<List<(Guid Tenant, string Slug)>> SignUpsAsync(Clients clients, Task until)
    {
        var made = new List<(Guid, string)>();
        while (!until.IsCompleted && made.Count < MostSignUps)
        {
            made.Add(await clients.SignUpAsync());
            await Task.Delay(BetweenSignUps);
        }

        return made;
    }

    // Across the ends of several billing periods, a few days at a time.
    static async Task PassTimeAsync(Clients clients, Random random, Task until)
    {
        while (!until.IsCompleted)
        {
            await clients.MoveClockAsync(clients.Now.AddHours(random.Next(12, 120)));
        }
    }

    // The dead worker's lease is ended early, so that others go on at once; but not after the last kill, to see it end by itself.
    static async Task KillAsync(CrashingServer server, Books books, Random random)
    {
        for (var i = 1; i <= Kills; i++)
        {
            await Task.Delay(random.Next(2_000));
            await server.CrashAsync(i < Kills ? () => books.AskAsync<int>("update control.provisioning_run set lease_until = now() where state = 'running'") : null);
        }
    }

    static async Task ProvisionedAsync(Books books)
    {
        using var patience = new CancellationTokenSource(LeaseAndSome);
        while (await books.AskAsync<long>("select count(*) from control.provisioning_run where state in ('queued', 'running')") > 0 && !patience.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200));
        }
    }

    static async Task<IEnumerable<string>> DifferenceAsync(Books books, TestTenant tenant, Dictionary<string, long> counted)
    {
        var there = await books.AskAsync<string[]>("select array_agg(id) from control.usage_event where tenant_id = $1", tenant.Id) ?? [];
        var tokens = await books.AskAsync<long>("select sum(tokens)::bigint from control.invoice_line where tenant_id = $1", tenant.Id);
        return [
            .. counted.Keys.Except(there).Select(id => $"{tenant.Slug}: event {id} is lost"),
            .. there.Except(counted.Keys).Select(id => $"{tenant.Slug}: event {id} was never reported"),
            .. there.Length == there.Distinct().Count() ? Array.Empty<string>() : [$"{tenant.Slug}: events are doubled"],
            .. tokens == counted.Values.Sum() ? Array.Empty<string>() : [$"{tenant.Slug}: {tokens} tokens invoiced, {counted.Values.Sum()} reported"],
        ];
    }

    static async Task<IEnumerable<string>> MissingAsync(Books books, IEnumerable<(Guid Tenant, string Slug)> signUps)
    {
        var broken = new List<string>();
        foreach (var (tenant, slug) in signUps)
        {
            if (await books.AskAsync<long>("select count(*) from control.tenant where (id = $1) and (slug = $2) and status = 'active'", tenant, slug) != 1)
            {
                broken.Add($"{slug}: the signup that was answered is not there");
            }
        }

        return broken;
    }
}
