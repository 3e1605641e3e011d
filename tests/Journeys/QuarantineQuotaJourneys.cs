using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>A tenant cannot fill the database with events that cannot be counted, and no event is lost without its sender knowing.</summary>
public sealed class QuarantineQuotaJourneys
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Beyond_the_quota_valid_events_are_counted_and_the_sender_is_told_to_keep_the_others()
    {
        await using var server = await StartAsync(events: 3);
        var tenant = await server.CreateTenantAsync();
        Assert.Equal(2, (await server.ReportAsync(tenant, Broken(1), Broken(2)).CountsAsync()).Codes.Length);

        var full = await server.ReportAsync(tenant, Deliveries.Event("good", Now), Broken(1), Broken(3), Broken(4), Broken(5));
        Assert.Equal(HttpStatusCode.TooManyRequests, full.StatusCode);
        Assert.True(full.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        var problem = JsonDocument.Parse(await full.Content.ReadAsStringAsync()).RootElement;
        Assert.Contains("2 events were neither counted nor kept", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal((1, 4), (problem.GetProperty("accepted").GetInt64(), problem.GetProperty("rejected_total").GetInt64()));
        Assert.Equal(2, problem.GetProperty("rejected").EnumerateArray().Count(rejected => rejected.GetProperty("code").GetString() == "quarantine_full"));

        // Redeliveries of what is held, valid usage and other tenants are not affected.
        Assert.Equal(["malformed"], (await server.ReportAsync(tenant, Broken(1)).CountsAsync()).Codes);
        Assert.Equal(1, (await server.ReportAsync(tenant, Deliveries.Event("good", Now)).CountsAsync()).Duplicates);
        Assert.Equal(["malformed"], (await server.ReportAsync(await server.CreateTenantAsync(), Broken(6)).CountsAsync()).Codes);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await tenant.PostAsync("{\"id\": ")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await tenant.PostAsync($"{JsonSerializer.Serialize(Deliveries.Event("line", Now))}\n{{\n", "application/x-ndjson")).StatusCode);
        Assert.Equal(300, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
        using var visitor = server.NewVisitor();
        await visitor.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        Assert.Contains($"quarantine of {tenant.Slug}</a> is full", await visitor.GetStringAsync("/admin"), StringComparison.Ordinal);

        // After an operator has made room, the same delivery is kept.
        await server.Operator.PostAsJsonAsync("/v1/admin/quarantine/batches", new { action = "discard", code = "malformed", tenant_id = tenant.Id, reason = "test data" });
        await server.RunJobAsync("quarantine");
        Assert.Equal(2, (await server.ReportAsync(tenant, Broken(4), Broken(5)).CountsAsync()).Codes.Length);
    }

    [Fact]
    public async Task The_quota_also_counts_bytes()
    {
        await using var server = await StartAsync(events: 1_000, mib: 1);
        var tenant = await server.CreateTenantAsync();
        Assert.Equal(["malformed"], (await server.ReportAsync(tenant, new { filler = new string('a', 700_000) }).CountsAsync()).Codes);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await server.ReportAsync(tenant, new { filler = new string('b', 700_000) })).StatusCode);
        Assert.Equal(["malformed"], (await server.ReportAsync(tenant, Broken(1)).CountsAsync()).Codes);
    }

    [Theory]
    [InlineData("select 1")]
    [InlineData("analyze control.quarantine")]
    [InlineData("vacuum analyze control.quarantine")]
    public async Task The_size_of_a_full_quarantine_is_read_without_a_scan_of_the_table(string maintenance)
    {
        await using var server = await StartAsync(events: 100_000);
        var tenant = await server.CreateTenantAsync();
        await server.SqlAsync(Fill, tenant.Id, 20_000);
        for (var n = 0; n < 20; n++)
        {
            await server.SqlAsync(Fill, Ids.New(server.Clock), 5_000);
        }

        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync(maintenance, default);
        }

        await using var transaction = await server.Database.BeginAsync(tenant.Id, default);
        var rejected = new RejectedSubmission(0, new ReceivedSubmission(ReadUsage.Parse(UsageFormat.Event, "{}"), Now), new Rejection("malformed", "test"));
        var withoutRoom = await QuarantineTable.HoldAsync(transaction, tenant.Id, [rejected], new QuarantineQuota(20_000, long.MaxValue / 2), server.Clock, default);

        Assert.Equal([0], withoutRoom);
        Assert.Equal(0, await transaction.ScalarAsync<long>("select seq_scan from pg_stat_xact_user_tables where schemaname = 'control' and relname = 'quarantine'", default));
    }

    [Fact]
    public async Task Concurrent_deliveries_do_not_exceed_the_quota()
    {
        await using var server = await StartAsync(events: 5);
        var tenant = await server.CreateTenantAsync();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(n => server.ReportAsync(tenant, Broken(n))));
        Assert.Equal(5, await server.ReadAsync<long>("select count(*) from control.quarantine"));
    }

    [Fact]
    public async Task Spooled_events_are_kept_beyond_the_quota_because_their_sender_was_told_so()
    {
        await using var server = await StartAsync(events: 2);
        var tenant = await server.CreateTenantAsync();
        await server.Services.GetRequiredService<UsageSpool>().AddAsync(
            new OverflowDelivery(tenant.Id, UsageFormat.Event, Now, ["{\"id\":\"1\"}", "{\"id\":\"2\"}", "{\"id\":\"3\"}"]), default);
        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(3, await server.ReadAsync<long>("select count(*) from control.quarantine"));
    }

    [Fact]
    public async Task Spooled_events_above_the_ceiling_are_set_aside_for_an_operator_and_can_be_drained_again()
    {
        await using var server = await StartAsync(events: 2);
        var tenant = await server.CreateTenantAsync();
        string[] texts = ["{\"id\":\"1\"}", "{\"id\":\"2\"}", JsonSerializer.Serialize(Deliveries.Event("good", Now)), .. Enumerable.Range(3, 5).Select(n => $"{{\"id\":\"{n}\"}}")];
        await server.Services.GetRequiredService<UsageSpool>().AddAsync(new OverflowDelivery(tenant.Id, UsageFormat.Event, Now, texts), default);
        await Spool.WaitUntilEmptyAsync(server.DataFolder);

        Assert.Equal(4, await server.ReadAsync<long>("select count(*) from control.quarantine"));
        Assert.Equal(150, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
        var aside = Assert.Single(Spool.FailedFiles(server.DataFolder));
        Assert.EndsWith("-3.json.gz", aside, StringComparison.Ordinal);
        Assert.Contains("quarantine has no room", await File.ReadAllTextAsync(aside.Replace(".json.gz", ".reason.txt", StringComparison.Ordinal)), StringComparison.Ordinal);
        using var visitor = server.NewVisitor();
        await visitor.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        Assert.Contains("1 usage files cannot be processed", await visitor.GetStringAsync("/admin"), StringComparison.Ordinal);

        await server.SqlAsync("update control.quarantine set state = 'discarded', discarded_at = now()");
        File.Move(aside, Path.Combine(server.DataFolder, "spool", Path.GetFileName(aside)));
        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(3, await server.ReadAsync<long>("select count(*) from control.quarantine where state = 'held'"));
        Assert.Equal(150, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Spooled_events_do_not_lift_the_quota_for_others_that_are_counted_in_the_same_transaction()
    {
        await using var server = await StartAsync(events: 1);
        var tenant = await server.CreateTenantAsync();
        Assert.Equal(["malformed"], (await server.ReportAsync(tenant, Broken(0)).CountsAsync()).Codes);
        var recordUsage = server.Services.GetRequiredService<RecordUsage>();
        Task<IngestReply> spooled, sent;
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        await using (var invoicing = await server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, tenant.Id);
            var first = recordUsage.RunAsync(tenant.Id, [Text("{\"id\":\"first\"}")], default);
            while (!await owner.ScalarAsync<bool>("select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')", default))
            {
                await Task.Delay(20);
            }

            (spooled, sent) = (recordUsage.RunAsync(tenant.Id, [Text("{\"id\":\"spooled\"}")], default, isAcknowledged: true), recordUsage.RunAsync(tenant.Id, [Text("{\"id\":\"sent\"}")], default));
            await invoicing.DisposeAsync();
            Assert.Equal(["quarantine_full"], (await first).Rejected.Select(rejected => rejected.Code));
        }

        Assert.Equal(["malformed"], (await spooled).Rejected.Select(rejected => rejected.Code));
        Assert.Equal(["quarantine_full"], (await sent).Rejected.Select(rejected => rejected.Code));

        static Submission Text(string text) => ReadUsage.Parse(UsageFormat.Event, text);
    }

    static Task<TestServer> StartAsync(int events, int mib = 256) => TestServer.StartAsync(
        clock: Now, settings: [new("CONTROLPLANE_QUARANTINE_EVENTS", $"{events}"), new("CONTROLPLANE_QUARANTINE_MIB", $"{mib}")]);

    static object Broken(int n) => new { id = $"broken-{n}" };

    const string Fill = """
        insert into control.quarantine (id, tenant_id, received_at, form, code, detail, raw, raw_digest)
        select gen_random_uuid(), $1, now(), 'event', 'malformed', 'test', repeat('x', 200), sha256(n::text::bytea) from generate_series(1, $2) n
        """;
}
