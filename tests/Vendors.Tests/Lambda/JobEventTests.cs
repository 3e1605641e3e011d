using System.Text.Json;
using ControlPlane.Lambda.Work;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class JobEventTests
{
    [Fact]
    public void Every_job_has_one_function_that_runs_it()
    {
        Assert.Equal(JobSchedules.All.OrderBy(job => job.Name), JobsFunction.Serves.Concat(ProvisionFunction.Serves).OrderBy(job => job.Name));
        Assert.Equal([JobSchedules.Provision], ProvisionFunction.Serves);
    }

    [Fact]
    public async Task The_scheduler_runs_every_job_with_what_its_function_is_composed_of()
    {
        await using var rig = await LambdaRig.StartAsync();
        var (jobs, provision) = (await rig.ComposeAsync("jobs"), await rig.ComposeAsync("provision"));
        foreach (var job in JobSchedules.All)
        {
            // As infra/Components/Schedules.cs has it.
            var answer = await LambdaRig.InvokeAsync(ProvisionFunction.Serves.Contains(job) ? provision : jobs, JsonSerializer.Serialize(new { job = job.Name }));
            Assert.Equal((job.Name, "succeeded"), (answer.GetProperty("job").GetString(), answer.GetProperty("outcome").GetString()));
            Assert.Equal(JsonValueKind.Object, answer.GetProperty("counts").ValueKind);
        }
    }

    [Theory]
    [InlineData("jobs", """{"job": "daily"}""", "billing, nightly, outbox, retention")]
    [InlineData("jobs", """{"job": "provision"}""", "billing, nightly, outbox, retention")]
    [InlineData("jobs", "{}", "billing, nightly, outbox, retention")]
    [InlineData("provision", """{"job": "nightly"}""", "provision")]
    [InlineData("provision", "{}", "provision")]
    public async Task A_job_that_is_not_there_is_an_error_that_names_those_that_are(string function, string input, string names)
    {
        await using var rig = await LambdaRig.StartAsync();
        var composed = await rig.ComposeAsync(function);
        var failure = await Assert.ThrowsAsync<JobFailedException>(() => LambdaRig.InvokeAsync(composed, input));
        Assert.EndsWith($"""Send "job" as one of {names}.""", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_another_process_runs_is_no_failure()
    {
        await using var rig = await LambdaRig.StartAsync();
        var jobs = await rig.ComposeAsync("jobs");
        await using var other = await rig.Database.OpenJobAsync(default);
        await other.ExecuteAsync("select pg_advisory_lock(hashtextextended('job ' || $1, 0))", default, "nightly");
        Assert.Equal("already_running", (await LambdaRig.InvokeAsync(jobs, """{"job": "nightly"}""")).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_job_that_fails_is_an_error_of_the_function_so_that_Lambda_tries_it_again()
    {
        await using var rig = await LambdaRig.StartAsync();
        var jobs = await rig.ComposeAsync("jobs");
        await using (var break_it = await rig.Database.OpenOwnerAsync(default))
        {
            await Sql.ExecuteAsync(break_it, "drop table control.outbox cascade", default);
        }

        var failure = await Assert.ThrowsAsync<JobFailedException>(() => LambdaRig.InvokeAsync(jobs, """{"job": "outbox"}"""));
        Assert.StartsWith("The job outbox failed", failure.Message, StringComparison.Ordinal);
        Assert.Contains("\"level\":\"ERROR\"", rig.Log, StringComparison.Ordinal);
    }
}
