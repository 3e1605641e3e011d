using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class ProvisionEventTests
{
    [Fact]
    public async Task A_committed_request_starts_provisioning_at_once()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        Assert.Equal($$"""{"tenant_id":"{{tenant}}"}""", Assert.Single(rig.Sent));

        var provision = await rig.ComposeAsync("provision");
        var response = await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", rig.Sent[0])));
        Assert.Empty(response.GetProperty("batchItemFailures").EnumerateArray());
        Assert.Equal("ready", await StateAsync(rig, tenant));
    }

    [Fact]
    public async Task A_duplicate_or_late_message_is_a_no_op()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        var provision = await rig.ComposeAsync("provision");
        for (var delivery = 0; delivery < 3; delivery++)
        {
            Assert.Empty((await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", rig.Sent[0]), ("m2", rig.Sent[0])))).GetProperty("batchItemFailures").EnumerateArray());
        }

        Assert.Equal("ready", await StateAsync(rig, tenant));
        await using var transaction = await rig.Database.BeginJobAsync(default);
        Assert.Equal(1, await transaction.ScalarAsync<long>("select count(*) from control.provisioning_run", default));
    }

    [Fact]
    public async Task A_malformed_message_fails_alone()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        var provision = await rig.ComposeAsync("provision");
        var response = await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", "not json"), ("m2", rig.Sent[0]), ("m3", """{"tenant_id": "not an id"}""")));
        Assert.Equal(["m1", "m3"], response.GetProperty("batchItemFailures").EnumerateArray().Select(failure => failure.GetProperty("itemIdentifier").GetString()!));
        Assert.Equal("ready", await StateAsync(rig, tenant));
        Assert.Contains("Message m1 is malformed", rig.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_api_function_forwards_the_provision_job_to_its_function()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        var response = await (await api.Operator.PostAsync("/v1/admin/jobs/provision/run", content: null)).Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(1, response.GetProperty("counts").GetProperty("handed_on").GetInt64());
        var provision = await rig.ComposeAsync("provision");
        Assert.Empty((await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", Assert.Single(rig.Sent))))).GetProperty("batchItemFailures").EnumerateArray());
    }

    [Fact]
    public async Task A_run_that_exceeds_the_timeout_is_released_and_announced_again()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        var provision = await rig.ComposeAsync("provision");
        await using (var other = await rig.Database.BeginJobAsync(default))
        {
            // Blocks the last step, which writes to the outbox.
            await other.ExecuteAsync("lock table control.outbox in access exclusive mode", default);
            var response = await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", rig.Sent[0])), provision.Margin + TimeSpan.FromSeconds(3));
            Assert.Empty(response.GetProperty("batchItemFailures").EnumerateArray());
            Assert.Equal(2, rig.Sent.Count);
            Assert.Equal(rig.Sent[0], rig.Sent[1]);
            Assert.Equal("provisioning", await StateAsync(rig, tenant));
        }

        await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m2", rig.Sent[1])));
        Assert.Equal("ready", await StateAsync(rig, tenant));
    }

    static async Task<string?> StateAsync(LambdaRig rig, Guid tenant)
    {
        await using var transaction = await rig.Database.BeginJobAsync(default);
        return await transaction.ScalarAsync<string>("select state from control.environment where tenant_id = $1", default, tenant);
    }
}
