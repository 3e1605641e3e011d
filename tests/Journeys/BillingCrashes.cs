using ControlPlane.Tests.Support.Crashing;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Every transition of the billing cycle happens once, whichever process is killed at it and however many run at the same time.</summary>
public sealed class BillingCrashes
{
    const int Runners = 8, Tenants = 24;
    const long Gate = 4711;

    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(6);

    static readonly (string Action, DateTimeOffset At)[] Transitions =
    [
        ("period.previewed", End.AddHours(-48)), ("period.closed", End), ("period.past_due", End.AddDays(15)), ("period.dunning", End.AddDays(18)),
        ("period.suspended", End.AddDays(21)), ("subscription.closing_told", End.AddDays(44)), ("subscription.closed", End.AddDays(51)),
    ];

    [Fact, Trait("Category", "Slow")]
    public async Task Killed_at_a_transition_it_is_made_by_the_next_process_and_only_once()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var database = await TestCluster.NewDatabaseAsync();
        var data = Directory.CreateTempSubdirectory("controlplane-crash-").FullName;
        try
        {
            await using var invariants = new DatabaseInvariants(database);
            await using var server = await CrashingServer.StartAsync(["--clock", $"{Start:O}"], "--database", database, "--data", data, "--sandbox");
            var clients = new Clients(server, data, timeout.Token);
            var tenant = await clients.CreateTenantAsync("basic");
            await invariants.ScalarAsync<int>("insert into control.billing_profile (tenant_id, collection) values ($1, 'transfer')", tenant.Id);
            foreach (var statement in Block)
            {
                await invariants.ScalarAsync<int>(statement);
            }

            foreach (var (action, at) in Transitions)
            {
                await using var gate = new NpgsqlConnection(database);
                await gate.OpenAsync(timeout.Token);
                await gate.ExecuteAsync("select pg_advisory_lock($1)", timeout.Token, Gate);
                // The clock jumps while no process runs: they read it when they start.
                await server.CrashAsync(async () =>
                {
                    await invariants.ScalarAsync<int>(SetClock, at);
                    await invariants.ScalarAsync<int>("insert into public.blocked values ($1)", action);
                });
                using var running = new CancellationTokenSource();
                var run = RunBillingAsync(server, running.Token);
                while (await invariants.ScalarAsync<long>(Waiting) == 0)
                {
                    await Task.Delay(20, timeout.Token);
                }

                await server.CrashAsync(async () =>
                {
                    await running.CancelAsync();
                    await invariants.ScalarAsync<int>("delete from public.blocked");
                    // Nothing of it was committed by the killed process: its connection is ended before it could.
                    await invariants.ScalarAsync<int>("select count(pg_terminate_backend(pid))::int from pg_stat_activity where datname = current_database() and wait_event = 'advisory'");
                    Assert.Equal(0, await invariants.ScalarAsync<long>(Made, tenant.Id, action));
                    await gate.CloseAsync();
                });
                await run;
                await clients.RunJobAsync("billing");
                Assert.Equal(1, await invariants.ScalarAsync<long>(Made, tenant.Id, action));
            }

            Assert.Equal(0, await invariants.ScalarAsync<long>(MadeTwice));
            Assert.Equal("INV-000001,INV-000002", await invariants.ScalarAsync<string>("select string_agg(number, ',' order by number) from control.invoice"));
        }
        finally
        {
            await TestCluster.DropAsync(database);
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Eight_runners_at_once_make_every_transition_once_and_leave_no_gap_in_the_numbers()
    {
        await using var server = await TestServer.StartAsync(clock: Start);
        for (var n = 0; n < Tenants; n++)
        {
            await server.PayByTransferAsync(await server.CreateTenantAsync());
        }

        foreach (var at in new[] { End.AddHours(-48), End, End.AddDays(15), End.AddDays(18), End.AddDays(21), End.AddDays(28) })
        {
            await server.JumpAsync(at);
            var reports = await Task.WhenAll(Enumerable.Range(0, Runners).Select(_ => Task.Run(() => server.Services.GetRequiredService<RunBillingCycle>().RunAsync(default))));
            Assert.All(reports, report => Assert.Empty(report.Failures));
        }

        Assert.Equal(2 * Tenants, await server.ReadAsync<long>("select count(*) from control.invoice"));
        Assert.Equal(2 * Tenants, await server.ReadAsync<long>("select max(right(number, 6)::bigint) from control.invoice"));
        Assert.Equal(0, await server.ReadAsync<long>(MadeTwice));
        Assert.Equal(Tenants, await server.ReadAsync<long>("select count(*) from control.subscription where access = 'none' and billing_due_at < 'infinity'"));
        Assert.Equal(Tenants, await server.ReadAsync<long>("select count(*) from control.subscription_segment where reason = 'paused'"));
    }

    [Fact]
    public async Task A_run_that_has_no_time_left_goes_on_in_the_next()
    {
        await using var server = await TestServer.StartAsync(clock: Start);
        await server.CreateTenantAsync();
        await server.JumpAsync(End);
        var run = server.Services.GetRequiredService<RunBillingCycle>();

        Assert.Contains("The next run continues", Assert.Single((await run.RunAsync(default, TimeSpan.Zero)).Failures), StringComparison.Ordinal);
        Assert.Equal(1, (await run.RunAsync(default)).Counts["invoices"]);
        Assert.True((await run.RunAsync(default)).DidNothing);
    }

    static async Task RunBillingAsync(CrashingServer server, CancellationToken ct)
    {
        try
        {
            // The scheduler may have begun a run already, which is refused here and killed all the same.
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/admin/jobs/billing/run");
            request.Headers.Authorization = new("Bearer", ServerProcess.OperatorKey);
            using var reply = await server.Anonymous.SendAsync(request, ct);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            // The server was killed.
        }
    }

    const string SetClock = "insert into control.sandbox_clock (now) values ($1) on conflict (only_row) do update set now = excluded.now";

    static readonly string[] Block =
    [
        "create table public.blocked (action text)",
        "grant select on public.blocked to public",
        """
        create function public.block_transition() returns trigger language plpgsql as $$
        begin
            if exists (select from public.blocked b where b.action = new.action) then
                perform pg_advisory_xact_lock(4711);
            end if;
            return new;
        end $$
        """,
        "create trigger block_transition before insert on control.audit_log for each row execute function public.block_transition()",
    ];

    const string Waiting = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted and database = (select oid from pg_database where datname = current_database())";

    const string Made = "select count(*) from control.audit_log where tenant_id = $1 and action = $2 and coalesce(detail ->> 'period', '1') = '1'";

    const string MadeTwice = """
        select count(*) from (
            select 1 from control.audit_log where action like 'period.%' or action in ('subscription.closing_told', 'subscription.closed')
            group by tenant_id, action, detail ->> 'period' having count(*) > 1) twice
        """;
}
