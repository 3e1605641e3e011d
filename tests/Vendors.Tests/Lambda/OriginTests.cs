using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class OriginTests
{
    [Fact]
    public async Task Who_found_the_origin_himself_is_refused_everything_but_health()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Around, ApiFunction.Build);
        foreach (var path in (string[])["/", "/v1/keys", "/admin", "/v1/admin/jobs/nightly/run", "/assets/site.css", "/openapi/v1.json", "/healthz/", "/HEALTHZ"])
        {
            Assert.Equal((path, HttpStatusCode.Forbidden), (path, (await api.Anyone.GetAsync(path)).StatusCode));
        }

        Assert.Equal(HttpStatusCode.OK, (await api.Anyone.GetAsync("/healthz")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.Anyone.GetAsync("/readyz")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.CloudFront.GetAsync("/terms")).StatusCode);
        var refused = await api.Anyone.PostAsync("/v1/admin/jobs/nightly/run", content: null);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task The_hot_path_is_behind_the_same_door()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var usage = await WebRig.StartAsync(rig.Around, UsageFunction.Build);
        foreach (var path in (string[])["/v1/usage", "/v1/usage/litellm", "/v1/authorize"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await usage.Anyone.PostAsJsonAsync(path, new { })).StatusCode);
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
    public async Task The_token_and_the_one_before_it_are_good(string current, string? previous, string shown, bool good)
    {
        await using var rig = await LambdaRig.StartAsync();
        (rig.Settings["CONTROLPLANE_ORIGIN_TOKEN"], rig.Settings["CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS"]) = (current, previous);
        Assert.Equal(good, OriginTokens.Read(rig.Around.Configuration).Have(shown));
    }

    [Fact]
    public async Task Without_a_token_nothing_starts()
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
        await using var api = await WebRig.StartAsync(rig.Around, ApiFunction.Build);
        var made = await api.Operator.PostAsJsonAsync("/v1/admin/tenants", new { organization = "O", slug = "acme", plan = "basic", email = "owner@acme.example", country = "DE" });
        using var tenant = api.NewClient(JsonDocument.Parse(await made.Content.ReadAsStringAsync()).RootElement.GetProperty("api_key").GetString());
        foreach (var job in JobSchedules.All)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await api.CloudFront.PostAsync($"/v1/admin/jobs/{job.Name}/run", content: null)).StatusCode);
            Assert.Equal(HttpStatusCode.Forbidden, (await tenant.PostAsync($"/v1/admin/jobs/{job.Name}/run", content: null)).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await api.Operator.PostAsync($"/v1/admin/jobs/{job.Name}/run", content: null)).StatusCode);
        }
    }

    [Fact]
    public async Task Rate_limits_count_by_who_called_CloudFront()
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_LIMIT_LOOKUPS"] = "1";
        await using var api = await WebRig.StartAsync(rig.Around, ApiFunction.Build);
        // What the caller has written himself stands first, and does not count.
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
