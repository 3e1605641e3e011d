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

    [Fact]
    public async Task Usage_of_a_locked_tenant_returns_to_the_queue_and_that_of_the_others_is_counted()
    {
        await using var rig = await LambdaRig.StartAsync();
        var usage = await rig.ComposeAsync("usage");
        var (locked, free) = (await rig.TenantAsync(), await rig.TenantAsync());
        var messages = SqsEvent.Of(("m1", Queued(locked, "e1")), ("m2", Queued(free, "e2")), ("m3", Queued(locked, "e3")), ("m4", Queued(free, "e4")));
        await using (var invoicing = await rig.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(ControlPlane.Subscriptions.BillingLock.Acquire, default, locked.Id);
            Assert.Equal(["m1", "m3"], await FailuresAsync(usage, messages));
            Assert.Equal(2, await CountAsync(rig));
        }

        Assert.Empty(await FailuresAsync(usage, messages));
        Assert.Equal(4, await CountAsync(rig));
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
