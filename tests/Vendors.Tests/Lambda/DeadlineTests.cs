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
    public async Task A_slow_request_is_rolled_back_and_gets_503_before_Lambdas_timeout()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Environment, ApiFunction.Build, remaining: TimeSpan.FromSeconds(8));
        Assert.True((await CreateTenantAsync(api, "first")).IsSuccessStatusCode);

        // Another transaction locks the table.
        await using (var other = await rig.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("lock table control.tenant in access exclusive mode", default);
            var response = await CreateTenantAsync(api, "second");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Equal("5", response.Headers.RetryAfter?.ToString());
            Assert.Equal("Timed out", JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("title").GetString());
        }

        Assert.True((await CreateTenantAsync(api, "second")).IsSuccessStatusCode);
        await using var after = await rig.Database.BeginJobAsync(default);
        Assert.Equal(2, await after.ScalarAsync<long>("select count(*) from control.tenant", default));
    }

    [Fact]
    public async Task A_slow_job_fails_and_keeps_its_committed_work()
    {
        await using var rig = await LambdaRig.StartAsync();
        var jobs = await rig.ComposeAsync("jobs");
        await using (var other = await rig.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("lock table control.daily_usage in access exclusive mode", default);
            var stopped = await Assert.ThrowsAsync<JobFailedException>(() =>
                LambdaRig.InvokeAsync(jobs, """{"job": "nightly"}""", jobs.Margin + TimeSpan.FromSeconds(1)));
            Assert.Contains("The job nightly timed out", stopped.Message, StringComparison.Ordinal);
        }

        // Its lock was released, so the next run continues.
        var response = await LambdaRig.InvokeAsync(jobs, """{"job": "nightly"}""");
        Assert.Equal("succeeded", response.GetProperty("outcome").GetString());
    }

    static Task<HttpResponseMessage> CreateTenantAsync(WebRig api, string slug) => api.Operator.PostAsJsonAsync(
        "/v1/admin/tenants", new { organization = "O", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" });
}
