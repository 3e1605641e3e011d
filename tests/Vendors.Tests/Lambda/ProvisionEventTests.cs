using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class ProvisionEventTests
{
    [Fact]
    public async Task What_is_committed_by_a_request_starts_provisioning_at_once()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        Assert.Equal($$"""{"tenant_id":"{{tenant}}"}""", Assert.Single(rig.Sent));

        var provision = await rig.ComposeAsync("provision");
        var answer = await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", rig.Sent[0])));
        Assert.Empty(answer.GetProperty("batchItemFailures").EnumerateArray());
        Assert.Equal("ready", await StateAsync(rig, tenant));
    }

    [Fact]
    public async Task A_message_that_comes_twice_or_late_finds_nothing_to_do()
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
    public async Task A_message_that_cannot_be_read_fails_alone()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        var provision = await rig.ComposeAsync("provision");
        var answer = await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", "not json"), ("m2", rig.Sent[0]), ("m3", """{"tenant_id": "not an id"}""")));
        Assert.Equal(["m1", "m3"], answer.GetProperty("batchItemFailures").EnumerateArray().Select(failure => failure.GetProperty("itemIdentifier").GetString()!));
        Assert.Equal("ready", await StateAsync(rig, tenant));
        Assert.Contains("Message m1 is no news of work", rig.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_operator_who_runs_the_job_hands_it_to_the_function_that_may()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Around, ApiFunction.Build);
        var answer = await (await api.Operator.PostAsync("/v1/admin/jobs/provision/run", content: null)).Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(1, answer.GetProperty("counts").GetProperty("handed_on").GetInt64());
        var provision = await rig.ComposeAsync("provision");
        Assert.Empty((await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", Assert.Single(rig.Sent))))).GetProperty("batchItemFailures").EnumerateArray());
    }

    [Fact]
    public async Task A_run_that_takes_longer_than_Lambda_lets_it_is_given_back_and_handed_on()
    {
        await using var rig = await LambdaRig.StartAsync();
        var tenant = (await rig.TenantAsync()).Id;
        var provision = await rig.ComposeAsync("provision");
        await using (var somebody = await rig.Database.BeginJobAsync(default))
        {
            // The last step writes to the outbox, and has to wait.
            await somebody.ExecuteAsync("lock table control.outbox in access exclusive mode", default);
            var answer = await LambdaRig.InvokeAsync(provision, SqsEvent.Of(("m1", rig.Sent[0])), provision.Margin + TimeSpan.FromSeconds(3));
            Assert.Empty(answer.GetProperty("batchItemFailures").EnumerateArray());
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
