using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ControlPlane.Tests;

public class JobTests
{
    [Fact]
    public async Task An_operator_runs_a_job_and_gets_its_report()
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.RunJobAsync("nightly");
        Assert.Equal("succeeded", reply.GetProperty("outcome").GetString());
        Assert.Equal(JsonValueKind.Number, reply.GetProperty("counts").GetProperty("partitions").ValueKind);
        Assert.Empty(reply.GetProperty("alerts").EnumerateArray());
    }

    [Fact]
    public async Task An_unknown_job_returns_404_with_the_known_ones()
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.Operator.PostAsync("/v1/admin/jobs/tidy/run", content: null);
        Assert.Equal(HttpStatusCode.NotFound, reply.StatusCode);
        Assert.Contains("nightly", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_an_operator_may_run_jobs()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Anonymous.PostAsync("/v1/admin/jobs/nightly/run", content: null)).StatusCode);
    }

    [Fact]
    public async Task A_job_never_runs_twice_at_the_same_time()
    {
        await using var server = await TestServer.StartAsync();
        var (started, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        var slow = new JobDefinition(new JobSchedule("slow", "0 0 1 1 *", "Waits.", DrainsQueue: false), async _ =>
        {
            started.SetResult();
            await finish.Task;
            return JobReport.Of();
        });
        var runner = server.Services.GetRequiredService<JobRunner>();
        var first = runner.RunAsync(slow, server.Clock.GetUtcNow(), CancellationToken.None);
        await started.Task;
        Assert.IsType<JobResult.AlreadyRunning>(await runner.RunAsync(slow, server.Clock.GetUtcNow(), CancellationToken.None));
        finish.SetResult();
        Assert.IsType<JobResult.Finished>(await first);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_statement_that_hangs_is_ended_the_job_fails_and_its_next_run_works(bool endedByServer)
    {
        await using var server = await TestServer.StartAsync();
        await using var database = new ControlDatabase(
            server.ConnectionString, working: new ServerTimeouts(Statement: 1, Lock: 1, Idle: 60) { Margin = endedByServer ? 30 : 1 });
        var runner = new JobRunner(database, server.Clock, NullLogger<JobRunner>.Instance);
        var job = new JobDefinition(new JobSchedule("hanging", "0 0 1 1 *", "Hangs.", DrainsQueue: false), async ct =>
        {
            await using var transaction = await database.BeginJobAsync(ct);
            // 0: as if the server did not notice.
            await transaction.ScalarAsync<string>("select set_config('statement_timeout', $1, true)", ct, endedByServer ? "1s" : "0");
            await transaction.ExecuteAsync("select pg_sleep(600)", ct);
            return JobReport.Of();
        });

        Assert.IsType<JobResult.Failed>(await runner.RunAsync(job, server.Clock.GetUtcNow(), default).WaitAsync(TimeSpan.FromMinutes(1)));

        Assert.Equal("failed", await server.ReadAsync<string>("select outcome from control.job_run where job = 'hanging'"));
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            Assert.Equal(0, await owner.ScalarAsync<long>("select count(*) from pg_stat_activity where state = 'active' and datname = current_database() and query = 'select pg_sleep(600)'", default));
        }

        Assert.IsType<JobResult.Finished>(await runner.RunAsync(job with { Run = _ => Task.FromResult(JobReport.Of()) }, server.Clock.GetUtcNow(), default));
    }

    [Fact]
    public async Task A_day_that_cannot_be_rolled_up_keeps_nothing_else_of_the_night_from_being_done()
    {
        var now = new DateTimeOffset(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
        await using var server = await TestServer.StartAsync(clock: now);
        var tenant = await server.CreateReadyTenantAsync();
        Assert.Equal(2, (await server.ReportAsync(tenant, Deliveries.Event("e1", now.AddDays(-1)), Deliveries.Event("e2", now)).CountsAsync()).Accepted);
        Assert.True((await tenant.AuthorizeAsync(1_000)).Allow);
        await server.JumpAsync(now.AddHours(1));
        await using var owner = await server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync("create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'broken day'; end $$", default);
        await owner.ExecuteAsync("create trigger broken before insert on control.daily_usage for each row when (new.day = '2026-01-14') execute function public.refuse()", default);

        var failed = await server.RunJobAsync("nightly");

        Assert.Equal("failed", failed.GetProperty("outcome").GetString());
        Assert.Equal("Could not rebuild daily usage of 2026-01-14: broken day", failed.GetProperty("error").GetString());
        Assert.Equal((1, 1), (failed.GetProperty("counts").GetProperty("days").GetInt64(), failed.GetProperty("counts").GetProperty("reservations_expired").GetInt64()));
        Assert.Equal("2026-01-15", await server.ReadAsync<string>("select string_agg(day::text, ' ') from control.daily_usage"));
        // Not the due time from which the schedule continues.
        var jobs = server.Services.GetRequiredService<JobCatalog>();
        Assert.Null(await server.Services.GetRequiredService<JobRunner>().LastScheduledAsync(jobs.Find("nightly")!, default));

        await owner.ExecuteAsync("drop trigger broken on control.daily_usage", default);
        var repeated = await server.RunJobAsync("nightly");
        Assert.Equal(("succeeded", 1), (repeated.GetProperty("outcome").GetString(), repeated.GetProperty("counts").GetProperty("days").GetInt64()));
    }

    [Fact]
    public async Task An_outage_during_a_job_throws_and_the_job_can_run_again()
    {
        await using var server = await TestServer.StartAsync();
        var runner = server.Services.GetRequiredService<JobRunner>();
        var outage = new JobDefinition(new JobSchedule("outage", "0 0 1 1 *", "Loses its database.", DrainsQueue: false), async _ =>
        {
            await (await TestCluster.RefuseAsync(server.ConnectionString)).DisposeAsync();
            return JobReport.Of();
        });

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => runner.RunAsync(outage, server.Clock.GetUtcNow(), CancellationToken.None));

        var again = outage with { Run = _ => Task.FromResult(JobReport.Of()) };
        Assert.IsType<JobResult.Finished>(await runner.RunAsync(again, server.Clock.GetUtcNow(), CancellationToken.None));
    }
}
