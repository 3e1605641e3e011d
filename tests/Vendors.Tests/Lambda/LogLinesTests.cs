using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using ControlPlane.Lambda.Hosting;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class LogLinesTests
{
    [Fact]
    public void A_line_is_one_JSON_object_in_Lambdas_format()
    {
        var output = new MemoryStream();
        var log = new LogLines(output, Aws.InstantClock.AtFixedTime()).CreateLogger("ControlPlane.Some.Place");
        using (log.BeginScope(new Dictionary<string, object?> { ["requestId"] = "8f507cfc" }))
        using (log.BeginScope(new Dictionary<string, object?> { ["tenant.id"] = Guid.Empty, ["RequestPath"] = "/v1/verify?token=secret" }))
        {
            log.LogError(new InvalidOperationException("first\nsecond"), "Job {Job} failed:\n\"badly\"", "nightly");
        }

        log.LogWarning("later");
        var lines = Encoding.UTF8.GetString(output.ToArray()).TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        var (first, later) = (JsonDocument.Parse(lines[0]).RootElement, JsonDocument.Parse(lines[1]).RootElement);
        Assert.Equal("2026-08-01T12:00:00.000Z", first.GetProperty("timestamp").GetString());
        Assert.Equal("ERROR", first.GetProperty("level").GetString());
        Assert.Equal("8f507cfc", first.GetProperty("requestId").GetString());
        Assert.Equal(Guid.Empty, first.GetProperty("tenant.id").GetGuid());
        Assert.Equal("Job nightly failed:\n\"badly\"", first.GetProperty("message").GetString());
        Assert.StartsWith("System.InvalidOperationException: first\nsecond", first.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", lines[0], StringComparison.Ordinal);
        Assert.False(later.TryGetProperty("requestId", out _));
        Assert.Equal("WARN", later.GetProperty("level").GetString());
    }

    [Fact]
    public async Task Lines_of_a_request_have_its_tenant()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var usage = await WebRig.StartAsync(rig.Environment, ControlPlane.Lambda.Web.UsageFunction.Build);
        var (tenant, key, _) = await rig.TenantAsync();
        await BreakAsync(rig, "usage_counter");
        using var client = usage.NewClient(key);
        var response = await client.PostAsJsonAsync(
            "/v1/usage", new { id = "e1", occurred_at = TimeProvider.System.GetUtcNow(), user = "ada", model = "mistral:7b-instruct", prompt_tokens = 1, completion_tokens = 1 });
        Assert.Equal(System.Net.HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal(tenant, Error(rig).GetProperty("tenant.id").GetGuid());
        Assert.DoesNotContain(key, rig.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_of_a_job_have_its_invocation_id()
    {
        await using var rig = await LambdaRig.StartAsync();
        await BreakAsync(rig, "outbox");
        await using var jobs = rig.Host("jobs");
        await Assert.ThrowsAsync<ControlPlane.Lambda.Work.JobFailedException>(() => jobs.HandleAsync(Event("""{"job": "mail"}"""), new FakeContext(TimeSpan.FromMinutes(1)) { AwsRequestId = "7c0ee7f6" }));
        Assert.Equal("7c0ee7f6", Error(rig).GetProperty("requestId").GetString());
    }

    [OfficialPackagesFact]
    public async Task Lines_of_a_request_have_its_tenant_and_invocation_id()
    {
        await using var rig = await LambdaRig.StartAsync();
        var (tenant, key, _) = await rig.TenantAsync();
        await BreakAsync(rig, "usage_counter");
        await using var usage = rig.Host("usage");
        var request = new HttpEvent("POST", "/v1/usage").Key(key).Json(
            new { id = "e1", occurred_at = TimeProvider.System.GetUtcNow(), user = "ada", model = "mistral:7b-instruct", prompt_tokens = 1, completion_tokens = 1 });
        await usage.HandleAsync(Event(request.ToString()), new FakeContext(TimeSpan.FromSeconds(29)) { AwsRequestId = "7c0ee7f6" });
        Assert.Equal(("7c0ee7f6", tenant), (Error(rig).GetProperty("requestId").GetString(), Error(rig).GetProperty("tenant.id").GetGuid()));
    }

    static MemoryStream Event(string json) => new(Encoding.UTF8.GetBytes(json));

    static JsonElement Error(LambdaRig rig) =>
        JsonDocument.Parse(Assert.Single(rig.Log.Split('\n'), line => line.Contains("\"level\":\"ERROR\"", StringComparison.Ordinal))).RootElement;

    static async Task BreakAsync(LambdaRig rig, string table)
    {
        await using var owner = await rig.Database.OpenOwnerAsync(default);
        await Sql.ExecuteAsync(owner, $"drop table control.{table} cascade", default);
    }
}
