using System.Net;
using System.Text.Json;
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
