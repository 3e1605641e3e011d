using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Lambda.Web;
using ControlPlane.Lambda.Work;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class DeadlineTests
{
    [Fact]
    public async Task A_request_that_takes_too_long_is_rolled_back_and_answered_before_Lambda_ends_it()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Around, ApiFunction.Build, remaining: TimeSpan.FromSeconds(5));
        Assert.True((await MakeTenantAsync(api, "first")).IsSuccessStatusCode);

        // Somebody else is at the tenants, and does not come to an end.
        await using (var somebody = await rig.Database.BeginJobAsync(default))
        {
            await somebody.ExecuteAsync("lock table control.tenant in access exclusive mode", default);
            var answer = await MakeTenantAsync(api, "second");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal("5", answer.Headers.RetryAfter?.ToString());
            Assert.Equal("Out of time", JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("title").GetString());
        }

        Assert.True((await MakeTenantAsync(api, "second")).IsSuccessStatusCode);
        await using var after = await rig.Database.BeginJobAsync(default);
        Assert.Equal(2, await after.ScalarAsync<long>("select count(*) from control.tenant", default));
    }

    [Fact]
    public async Task A_job_that_takes_too_long_fails_and_what_it_committed_stays()
    {
        await using var rig = await LambdaRig.StartAsync();
        var jobs = await rig.ComposeAsync("jobs");
        await using (var somebody = await rig.Database.BeginJobAsync(default))
        {
            await somebody.ExecuteAsync("lock table control.daily_usage in access exclusive mode", default);
            var stopped = await Assert.ThrowsAsync<JobFailedException>(() =>
                LambdaRig.InvokeAsync(jobs, """{"job": "nightly"}""", jobs.Margin + TimeSpan.FromSeconds(1)));
            Assert.Contains("The time for the job nightly was up", stopped.Message, StringComparison.Ordinal);
        }

        // Its lock is gone with it: the next run goes on.
        var answer = await LambdaRig.InvokeAsync(jobs, """{"job": "nightly"}""");
        Assert.Equal("succeeded", answer.GetProperty("outcome").GetString());
    }

    static Task<HttpResponseMessage> MakeTenantAsync(WebRig api, string slug) => api.Operator.PostAsJsonAsync(
        "/v1/admin/tenants", new { organization = "O", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" });
}
