using System.Text.Json;
using ControlPlane.Lambda.Work;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class JobEventTests
{
    [Fact]
    public void Every_job_is_run_by_exactly_one_function()
    {
        Assert.Equal(JobSchedules.All.OrderBy(job => job.Name), JobsFunction.Serves.Concat(ProvisionFunction.Serves).OrderBy(job => job.Name));
        Assert.Equal([JobSchedules.Provision, JobSchedules.Storage, JobSchedules.Health], ProvisionFunction.Serves);
    }

    [Fact]
    public async Task Every_scheduled_job_runs_in_its_function()
    {
        await using var rig = await LambdaRig.StartAsync();
        var (jobs, provision) = (await rig.ComposeAsync("jobs"), await rig.ComposeAsync("provision"));
        foreach (var job in JobSchedules.All)
        {
            // The event of infra's schedules.
            var response = await LambdaRig.InvokeAsync(ProvisionFunction.Serves.Contains(job) ? provision : jobs, JsonSerializer.Serialize(new { job = job.Name }));
            Assert.Equal((job.Name, "succeeded"), (response.GetProperty("job").GetString(), response.GetProperty("outcome").GetString()));
            Assert.Equal(JsonValueKind.Object, response.GetProperty("counts").ValueKind);
        }
    }

    [Fact]
    public async Task The_former_releases_schedule_runs_the_three_queues()
    {
        await using var rig = await LambdaRig.StartAsync();
        var counts = (await LambdaRig.InvokeAsync(await rig.ComposeAsync("jobs"), """{"job": "outbox"}""")).GetProperty("counts");
        Assert.All((string[])["alerts", "sent", "webhooks"], name => Assert.True(counts.TryGetProperty(name, out _), name));
    }

    [Theory]
    [InlineData("jobs", """{"job": "daily"}""", "alerts, billing, mail, nightly, outbox, payments, quarantine, retention, webhooks")]
    [InlineData("jobs", """{"job": "provision"}""", "alerts, billing, mail, nightly, outbox, payments, quarantine, retention, webhooks")]
    [InlineData("jobs", "{}", "alerts, billing, mail, nightly, outbox, payments, quarantine, retention, webhooks")]
    [InlineData("provision", """{"job": "nightly"}""", "health, provision, storage")]
    [InlineData("provision", "{}", "health, provision, storage")]
    public async Task An_unknown_job_is_an_error_that_names_the_known_ones(string function, string input, string names)
    {
        await using var rig = await LambdaRig.StartAsync();
        var composed = await rig.ComposeAsync(function);
        var failure = await Assert.ThrowsAsync<JobFailedException>(() => LambdaRig.InvokeAsync(composed, input));
        Assert.EndsWith($"""Set "job" to one of {names}.""", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_runs_in_another_process_is_not_an_error()
    {
        await using var rig = await LambdaRig.StartAsync();
        var jobs = await rig.ComposeAsync("jobs");
        await using var other = await rig.Database.OpenJobAsync(default);
        await other.ExecuteAsync("select pg_advisory_lock(hashtextextended('job ' || $1, 0))", default, "nightly");
        Assert.Equal("already_running", (await LambdaRig.InvokeAsync(jobs, """{"job": "nightly"}""")).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_failed_job_is_a_function_error_so_that_Lambda_retries_it()
    {
        await using var rig = await LambdaRig.StartAsync();
        var jobs = await rig.ComposeAsync("jobs");
        await using (var owner = await rig.Database.OpenOwnerAsync(default))
        {
            await Sql.ExecuteAsync(owner, "drop table control.outbox cascade", default);
        }

        var failure = await Assert.ThrowsAsync<JobFailedException>(() => LambdaRig.InvokeAsync(jobs, """{"job": "mail"}"""));
        Assert.StartsWith("The job mail failed", failure.Message, StringComparison.Ordinal);
        Assert.Contains("\"level\":\"ERROR\"", rig.Log, StringComparison.Ordinal);
    }
}
