using ControlPlane.Tests.Support.Crashing;

namespace ControlPlane.Tests;

public class CrashJourneys
{
    const int Kills = 12, MaxSignUps = 20;
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    /// <summary>Another worker continues the run of a killed one when its lease expires after 30 s, and sends its mail when the claim expires after 60 s.</summary>
    static readonly TimeSpan ProvisioningTimeout = TimeSpan.FromSeconds(90);
    static readonly TimeSpan BetweenSignUps = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task Killed_at_random_points_of_signup_provisioning_ingestion_and_invoicing_it_loses_and_duplicates_nothing()
    {
        var seed = Seeds.Next();
        using var timeout = new CancellationTokenSource(Timeout);
        var database = await TestCluster.NewDatabaseAsync();
        var data = Directory.CreateTempSubdirectory("controlplane-crash-").FullName;
        try
        {
            await using var invariants = new DatabaseInvariants(database);
            await using (var server = await CrashingServer.StartAsync(["--clock", $"{Start:O}"], "--database", database, "--data", data, "--sandbox"))
            {
                var clients = new Clients(server, data, timeout.Token);
                await clients.MoveClockAsync(Start.AddHours(1));
                TestTenant[] tenants = [await clients.CreateTenantAsync("basic"), await clients.CreateTenantAsync("premium")];

                var killing = KillAsync(server, invariants, new Random(seed));
                var reports = tenants.Select((tenant, i) => clients.ReportAsync(tenant, new Random(seed + i), until: killing)).ToList();
                var signUps = SignUpsAsync(clients, until: killing);
                await Task.WhenAll([killing, AdvanceClockAsync(clients, new Random(seed), until: killing), signUps, .. reports]);
                await Spool.WaitUntilEmptyAsync(data);
                await clients.MoveClockAsync(clients.Now.AddDays(32));
                await WaitForProvisioningAsync(invariants);
                foreach (var job in new[] { "provision", "billing", "nightly", "retention", "alerts", "mail", "webhooks" })
                {
                    await clients.RunJobAsync(job);
                }

                await server.StopAsync();
                var violations = (await invariants.FindViolationsAsync()).ToList();
                for (var i = 0; i < tenants.Length; i++)
                {
                    violations.AddRange(await CompareEventsAsync(invariants, tenants[i], await reports[i]));
                }

                violations.AddRange(await FindMissingSignUpsAsync(invariants, await signUps));
                Assert.True(violations.Count == 0, $"Seed {seed}, {server.Kills} kills:\n{string.Join('\n', violations)}");
                Assert.Equal(await invariants.ScalarAsync<long>("select count(*) from control.outbox"), Directory.GetFiles(Path.Combine(data, "mail"), "*.eml").Length);
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
        var created = new List<(Guid, string)>();
        while (!until.IsCompleted && created.Count < MaxSignUps)
        {
            created.Add(await clients.SignUpAsync());
            await Task.Delay(BetweenSignUps);
        }

        return created;
    }

    // Advances past the ends of several billing periods, a few days at a time.
    static async Task AdvanceClockAsync(Clients clients, Random random, Task until)
    {
        while (!until.IsCompleted)
        {
            await clients.MoveClockAsync(clients.Now.AddHours(random.Next(12, 120)));
        }
    }

    // Expires the killed worker's lease and the sender's claims, so that another worker continues at once; but not after the last kill, to test the normal expiry.
    static async Task KillAsync(CrashingServer server, DatabaseInvariants invariants, Random random)
    {
        for (var i = 1; i <= Kills; i++)
        {
            await Task.Delay(random.Next(2_000));
            await server.CrashAsync(i < Kills ? () => invariants.ScalarAsync<int>(ExpireLeases) : null);
        }
    }

    const string ExpireLeases = """
        with mail as (update control.outbox set next_attempt_at = now() where sent_at is null)
        update control.provisioning_run set lease_until = now() where state = 'running'
        """;

    static async Task WaitForProvisioningAsync(DatabaseInvariants invariants)
    {
        using var timeout = new CancellationTokenSource(ProvisioningTimeout);
        while (await invariants.ScalarAsync<long>(Unfinished) > 0 && !timeout.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200));
        }
    }

    const string Unfinished = $"""
        select (select count(*) from control.provisioning_run where state in ('queued', 'running'))
             + (select count(*) from control.tenant t left join control.environment e on e.tenant_id = t.id where {MissingEnvironments.IsMissing})
             + (select count(*) from control.environment e where e.is_restricted and e.state = 'ready' and control.is_approved(e.tenant_id))
             + (select count(*) from control.outbox where sent_at is null)
        """;

    static async Task<IEnumerable<string>> CompareEventsAsync(DatabaseInvariants invariants, TestTenant tenant, Dictionary<string, long> counted)
    {
        var stored = await invariants.ScalarAsync<string[]>("select array_agg(id) from control.usage_event where tenant_id = $1", tenant.Id) ?? [];
        var tokens = await invariants.ScalarAsync<long>("select sum(tokens)::bigint from control.invoice_line where tenant_id = $1", tenant.Id);
        return [
            .. counted.Keys.Except(stored).Select(id => $"{tenant.Slug}: event {id} is lost"),
            .. stored.Except(counted.Keys).Select(id => $"{tenant.Slug}: event {id} was never reported"),
            .. stored.Length == stored.Distinct().Count() ? Array.Empty<string>() : [$"{tenant.Slug}: events are duplicated"],
            .. tokens == counted.Values.Sum() ? Array.Empty<string>() : [$"{tenant.Slug}: {tokens} tokens invoiced, {counted.Values.Sum()} reported"],
        ];
    }

    static async Task<IEnumerable<string>> FindMissingSignUpsAsync(DatabaseInvariants invariants, IEnumerable<(Guid Tenant, string Slug)> signUps)
    {
        var violations = new List<string>();
        foreach (var (tenant, slug) in signUps)
        {
            if (await invariants.ScalarAsync<long>("select count(*) from control.tenant where (id = $1) and (slug = $2) and status = 'active'", tenant, slug) != 1)
            {
                violations.Add($"{slug}: the acknowledged signup is missing");
            }
        }

        return violations;
    }
}
