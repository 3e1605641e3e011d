using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class OriginTests
{
    [Fact]
    public async Task Requests_without_the_origin_token_get_403_except_health_checks()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        foreach (var path in (string[])["/", "/v1/keys", "/admin", "/v1/admin/jobs/nightly/run", "/assets/site.css", "/openapi/v1.json", "/healthz/", "/HEALTHZ"])
        {
            Assert.Equal((path, HttpStatusCode.Forbidden), (path, (await api.Direct.GetAsync(path)).StatusCode));
        }

        Assert.Equal(HttpStatusCode.OK, (await api.Direct.GetAsync("/healthz")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Direct.GetAsync("/readyz")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.CloudFront.GetAsync("/terms")).StatusCode);
        var refused = await api.Direct.PostAsync("/v1/admin/jobs/nightly/run", content: null);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task The_usage_function_requires_the_origin_token_too()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var usage = await WebRig.StartAsync(rig.Environment, UsageFunction.Build);
        foreach (var path in (string[])["/v1/usage", "/v1/usage/litellm", "/v1/authorize"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await usage.Direct.PostAsJsonAsync(path, new { })).StatusCode);
            Assert.NotEqual(HttpStatusCode.Forbidden, (await usage.CloudFront.PostAsJsonAsync(path, new { })).StatusCode);
        }
    }

    [Theory]
    [InlineData("new", "old", "new", true)]
    [InlineData("new", "old", "old", true)]
    [InlineData("new", "", "old", false)]
    [InlineData("new", null, "", false)]
    [InlineData("new", "old", "older", false)]
    [InlineData("new", "old", "new,old", false)]
    public async Task The_current_and_the_previous_token_are_valid(string current, string? previous, string token, bool isValid)
    {
        await using var rig = await LambdaRig.StartAsync();
        (rig.Settings["CONTROLPLANE_ORIGIN_TOKEN"], rig.Settings["CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS"]) = (current, previous);
        Assert.Equal(isValid, OriginTokens.Read(rig.Environment.Configuration).IsValid(token));
    }

    [Fact]
    public async Task Without_an_origin_token_a_function_does_not_start()
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings.Remove("CONTROLPLANE_ORIGIN_TOKEN");
        var refused = await Assert.ThrowsAsync<SettingException>(() => rig.ComposeAsync("usage"));
        Assert.Contains("CONTROLPLANE_ORIGIN_TOKEN", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_public_route_reaches_a_job_without_the_operators_key()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        var created = await api.Operator.PostAsJsonAsync("/v1/admin/tenants", new { organization = "O", slug = "acme", plan = "basic", email = "owner@acme.example", country = "DE" });
        using var tenant = api.NewClient(JsonDocument.Parse(await created.Content.ReadAsStringAsync()).RootElement.GetProperty("api_key").GetString());
        foreach (var job in JobSchedules.All)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await api.CloudFront.PostAsync($"/v1/admin/jobs/{job.Name}/run", content: null)).StatusCode);
            Assert.Equal(HttpStatusCode.Forbidden, (await tenant.PostAsync($"/v1/admin/jobs/{job.Name}/run", content: null)).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await api.Operator.PostAsync($"/v1/admin/jobs/{job.Name}/run", content: null)).StatusCode);
        }
    }

    [Fact]
    public async Task Rate_limits_use_the_address_of_CloudFronts_caller()
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_LIMIT_LOOKUPS"] = "1";
        await using var api = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        // Entries that the client itself wrote come first and are ignored.
        Assert.Equal(HttpStatusCode.OK, await LookUpAsync("198.51.100.1, 203.0.113.7, 130.176.1.1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await LookUpAsync("198.51.100.2, 203.0.113.7, 130.176.1.2"));
        Assert.Equal(HttpStatusCode.OK, await LookUpAsync("203.0.113.8, 130.176.1.1"));

        async Task<HttpStatusCode> LookUpAsync(string forwardedFor)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/signup/slug/acme");
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwardedFor);
            return (await api.CloudFront.SendAsync(request)).StatusCode;
        }
    }
}
