using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Draining of the spool, and usage that arrives while the database is overloaded.</summary>
public class DrainJourneys
{
    static readonly DateTimeOffset Now = new(2026, 3, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Queued_usage_has_the_age_of_its_arrival_but_at_most_that_of_a_queue_message()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();

        await SpoolAsync(server, tenant, Now.AddDays(-10), Line("old", Now.AddDays(-40)), Line("too-old", Now.AddDays(-46)), Line("ahead", Now.AddDays(-9)), "{broken");
        await SpoolAsync(server, tenant, Now.AddDays(-20), Line("older", Now.AddDays(-48)), Line("oldest", Now.AddDays(-50)));
        await Spool.WaitUntilEmptyAsync(server.DataFolder);

        Assert.Equal(["old", "older"], await IdsAsync(server));
        Assert.Equal(
            "in_future malformed too_old too_old", await server.ReadAsync<string>("select string_agg(code, ' ' order by code) from control.quarantine"));
        Assert.Equal(Now.AddDays(-10), await server.ReadAsync<DateTimeOffset>("select received_at from control.quarantine where code = 'malformed'"));
        await server.RunJobAsync("nightly");
        Assert.Equal(300, await server.ReadAsync<long>("select sum(prompt_tokens + completion_tokens)::bigint from control.daily_usage"));
    }

    [Fact]
    public async Task A_delivery_that_cannot_be_counted_moves_to_failed_with_its_reason_and_blocks_no_other()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync(RefusePoison, default);
            await owner.ExecuteAsync("create trigger poison before insert on control.usage_event for each row execute function control.refuse_poison()", default);
        }

        var spool = Path.Combine(server.DataFolder, "spool");
        await File.WriteAllTextAsync(Path.Combine(spool, "20260101T000000.0000000Z-00000000-1.json.gz"), "not gzip");
        await SpoolAsync(server, tenant, Now, Line("before", Now));
        await SpoolAsync(server, tenant, Now, Line("poison", Now));
        await SpoolAsync(server, tenant, Now, Line("after", Now));
        await Spool.WaitUntilEmptyAsync(server.DataFolder);

        Assert.Equal(["after", "before"], await IdsAsync(server));
        var failed = Spool.FailedFiles(server.DataFolder);
        Assert.Equal(2, failed.Length);
        var reasons = Directory.GetFiles(Path.Combine(spool, "failed"), "*.reason.txt").Select(File.ReadAllText).ToList();
        Assert.Contains(reasons, reason => reason.Contains("poison is refused", StringComparison.Ordinal));
        Assert.Contains("2 usage files cannot be processed", await OverviewAsync(server), StringComparison.Ordinal);

        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync("drop trigger poison on control.usage_event", default);
        }

        foreach (var file in failed.Where(file => !file.Contains("00000000-1", StringComparison.Ordinal)))
        {
            File.Move(file, Path.Combine(spool, Path.GetFileName(file)));
        }

        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(["after", "before", "poison"], await IdsAsync(server));
    }

    [Fact]
    public async Task While_the_failed_folder_is_full_what_cannot_be_counted_stays_in_the_spool_and_blocks_no_other()
    {
        await using var server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_SPOOL_LIMIT", "1")]);
        var (poisoned, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await using var owner = await server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(RefusePoison, default);
        await owner.ExecuteAsync("create trigger poison before insert on control.usage_event for each row execute function control.refuse_poison()", default);
        var failed = Path.Combine(server.DataFolder, "spool", "failed");
        Directory.CreateDirectory(failed);
        await File.WriteAllBytesAsync(Path.Combine(failed, "20260101T000000.0000000Z-00000000-1.json.gz"), new byte[1 << 20]);

        await Task.WhenAll(SpoolAsync(server, poisoned, Now, Line("poison", Now)), SpoolAsync(server, other, Now, Line("same", Now)));
        await SpoolAsync(server, other, Now, Line("after", Now));
        while (await server.ReadAsync<long>("select count(*) from control.usage_event") < 2)
        {
            await Task.Delay(50);
        }

        Assert.Equal(["after", "same"], await IdsAsync(server));
        while (Spool.PendingFiles(server.DataFolder).Length > 1)
        {
            await Task.Delay(50);
        }

        Assert.Contains("It is full: further usage that cannot be processed stays in the spool", await OverviewAsync(server), StringComparison.Ordinal);
        Assert.Single(Spool.FailedFiles(server.DataFolder));

        // An operator makes room.
        Directory.Delete(failed, recursive: true);
        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Single(Spool.FailedFiles(server.DataFolder));
    }

    [Fact]
    public async Task Usage_of_a_tenant_whose_rows_are_locked_is_refused_not_queued_and_what_it_has_queued_blocks_no_other_tenant()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var (locked, free) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await using (var invoicing = await server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, locked.Id);
            var sent = server.ReportAsync(locked, Deliveries.Event("e1", Now));
            await SpoolAsync(server, locked, Now, Line("e2", Now));
            await SpoolAsync(server, free, Now, Line("e3", Now));

            Assert.Equal(1, (await server.ReportAsync(free, Deliveries.Event("e4", Now)).CountsAsync()).Accepted);
            using var refused = await sent;
            Assert.Equal((HttpStatusCode.ServiceUnavailable, true), (refused.StatusCode, refused.Headers.RetryAfter?.Delta > TimeSpan.Zero));
            while (await server.ReadAsync<long>("select count(*) from control.usage_event") < 2)
            {
                await Task.Delay(50);
            }

            Assert.Equal(["e3", "e4"], await IdsAsync(server));
            while (server.Services.GetRequiredService<UsageSpool>().Backlog().Events > 1)
            {
                await Task.Delay(50);
            }

            Assert.Single(Spool.PendingFiles(server.DataFolder));
        }

        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(1, (await server.ReportAsync(locked, Deliveries.Event("e1", Now)).CountsAsync()).Accepted);
        Assert.Equal(["e1", "e2", "e3", "e4"], await IdsAsync(server));
    }

    [Fact]
    public async Task Large_deliveries_that_time_out_in_the_queue_of_their_own_tenant_are_refused_not_queued()
    {
        const int Count = 6;
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        await using (var invoicing = await server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, tenant.Id);
            // They wait for the lock one after the other, so the last ones would wait for longer than a database may take to answer.
            var sent = await Task.WhenAll(Enumerable.Range(0, Count).Select(n => server.ReportAsync(
                tenant, [.. Enumerable.Range(0, 100).Select(e => Deliveries.Event($"{n}-{e}", Now))])));
            Assert.All(sent, reply => Assert.True(reply.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests, $"{reply.StatusCode}"));
            Assert.All(sent, reply => Assert.True(reply.Headers.RetryAfter?.Delta > TimeSpan.Zero));
            Assert.Empty(Spool.PendingFiles(server.DataFolder));
        }

        Assert.Empty(await IdsAsync(server));
    }

    [Fact]
    public async Task Usage_that_meets_a_locked_table_is_refused_and_counted_once_when_it_is_sent_again()
    {
        const int Count = 120;
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        await server.ReportAsync(tenant).CountsAsync();
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            await using var locking = await owner.BeginTransactionAsync();
            await owner.ExecuteAsync("lock table control.usage_event in access exclusive mode", default);
            // All of them wait for the lock, in one shared transaction or queued behind it.
            var replies = await Task.WhenAll(Enumerable.Range(0, Count).Select(n => server.ReportAsync(tenant, Deliveries.Event($"e{n}", Now))));
            Assert.All(replies, reply => Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode));
        }

        var accepted = await Task.WhenAll(Enumerable.Range(0, Count).Select(n => server.ReportAsync(tenant, Deliveries.Event($"e{n}", Now)).CountsAsync()));
        Assert.Equal(Count, accepted.Sum(counts => counts.Accepted));
        Assert.Equal(Count, await server.ReadAsync<long>("select sum(requests)::bigint from control.usage_counter"));
    }

    static async Task<string> OverviewAsync(TestServer server)
    {
        using var visitor = server.NewVisitor();
        await visitor.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        return await visitor.GetStringAsync("/admin");
    }

    static Task SpoolAsync(TestServer server, TestTenant tenant, DateTimeOffset receivedAt, params string[] texts) =>
        server.Services.GetRequiredService<UsageSpool>().AddAsync(new OverflowDelivery(tenant.Id, UsageFormat.Event, receivedAt, texts), default);

    static string Line(string id, DateTimeOffset at) => JsonSerializer.Serialize(Deliveries.Event(id, at));

    static async Task<string[]> IdsAsync(TestServer server) => await server.ReadAsync<string[]>("select array_agg(id order by id) from control.usage_event") ?? [];

    const string RefusePoison = """
        create function control.refuse_poison() returns trigger language plpgsql as $$
        begin
            if new.id = 'poison' then
                raise exception 'poison is refused' using errcode = 'not_null_violation';
            end if;
            return new;
        end $$
        """;
}
