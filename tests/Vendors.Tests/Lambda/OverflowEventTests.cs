namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class OverflowEventTests
{
    [Fact]
    public async Task Queued_usage_is_counted_once_even_if_delivered_twice()
    {
        await using var rig = await LambdaRig.StartAsync();
        var usage = await rig.ComposeAsync("usage");
        var tenant = await rig.TenantAsync();
        var messages = SqsEvent.Of(("m1", Queued(tenant, "e1", "e2")), ("m2", Queued(tenant, "e2", "e3")));
        for (var delivery = 0; delivery < 2; delivery++)
        {
            Assert.Empty(await FailuresAsync(usage, messages));
        }

        Assert.Equal(3, await CountAsync(rig));
    }

    [Fact]
    public async Task A_malformed_message_fails_alone()
    {
        await using var rig = await LambdaRig.StartAsync();
        var usage = await rig.ComposeAsync("usage");
        var tenant = await rig.TenantAsync();
        Assert.Equal(["m1", "m3"], await FailuresAsync(usage, SqsEvent.Of(("m1", "not base64!"), ("m2", Queued(tenant, "e1")), ("m3", "bm90IGd6aXA="))));
        Assert.Equal(1, await CountAsync(rig));
    }

    [Fact]
    public async Task While_the_database_is_unavailable_all_messages_return_to_the_queue()
    {
        await using var rig = await LambdaRig.StartAsync();
        var usage = await rig.ComposeAsync("usage");
        var tenant = await rig.TenantAsync();
        var messages = SqsEvent.Of(("m1", Queued(tenant, "e1")), ("m2", Queued(tenant, "e2")));
        await using (await TestCluster.RefuseAsync(rig.ConnectionString))
        {
            Assert.Equal(["m1", "m2"], await FailuresAsync(usage, messages));
        }

        // The circuit closes after the next probe.
        while ((await FailuresAsync(usage, messages)).Length > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal(2, await CountAsync(rig));
    }

    static string Queued(RigTenant tenant, params string[] ids) => Assert.Single(OverflowMessages.Write(
        new OverflowDelivery(
            tenant.Id, UsageFormat.Event, TimeProvider.System.GetUtcNow(),
            [.. ids.Select(id => $$"""{"id": "{{id}}", "occurred_at": "{{TimeProvider.System.GetUtcNow():yyyy-MM-dd}}T00:00:00Z", "user": "ada", "model": "mistral:7b-instruct", "prompt_tokens": 1, "completion_tokens": 1}""")]),
        QueueSender.MaxBytes));

    static async Task<string[]> FailuresAsync(ControlPlane.Lambda.Hosting.Function usage, string messages) =>
        [.. (await LambdaRig.InvokeAsync(usage, messages)).GetProperty("batchItemFailures").EnumerateArray().Select(failure => failure.GetProperty("itemIdentifier").GetString()!)];

    static async Task<long> CountAsync(LambdaRig rig)
    {
        await using var transaction = await rig.Database.BeginJobAsync(default);
        return await transaction.ScalarAsync<long>("select count(*) from control.usage_event", default);
    }
}
