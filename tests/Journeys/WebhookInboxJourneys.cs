using System.Net;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

public sealed class WebhookInboxJourneys
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(42)]
    public async Task Webhooks_lead_to_the_same_state_in_any_order_late_and_repeated(int seed)
    {
        await using var rig = await PaymentRig.StartAsync("sepa");
        await rig.MoveAsync(PaymentRig.Charge);
        var intent = rig.State.Intents[0].Id;
        rig.State.Settle(intent, succeeds: true);
        var lost = rig.State.Dispute(intent, "warning_needs_response");
        rig.State.Close(lost, "lost");
        var events = rig.State.Events.ToArray();
        var random = new Random(seed);
        random.Shuffle(events);

        await rig.DeliverAsync(events.Concat(events.Reverse()));
        await rig.MoveAsync(PaymentRig.Charge.AddDays(2));
        await rig.DeliverAsync(events);

        Assert.Equal(("reversed", PaymentRig.Price), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Equal([PaymentRig.Price], rig.State.Taken);
        Assert.Equal(2, await rig.Server.ReadAsync<long>("select count(*) from control.settlement"));
        Assert.Equal(events.Length, await rig.Server.ReadAsync<long>("select count(*) from control.provider_event where state in ('applied', 'ignored')"));
        Assert.Equal(0, await rig.Server.ReadAsync<long>("select count(*) from control.provider_event where state not in ('applied', 'ignored')"));
    }

    [Fact]
    public async Task A_payment_that_only_a_webhook_tells_of_is_booked()
    {
        await using var rig = await PaymentRig.StartAsync("3ds");
        await rig.MoveAsync(PaymentRig.Charge);
        (await rig.PayAsync()).Dispose();
        rig.State.ConfirmAtBank(rig.State.Intents[0].Id, confirmed: true);
        await rig.DeliverAsync(rig.State.Events[^1]);
        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
    }

    [Fact]
    public async Task Malformed_webhooks_get_400_and_store_nothing()
    {
        await using var rig = await PaymentRig.StartAsync();
        const string Event = """{"id":"evt_1","object":"event","created":1772355600,"type":"x","livemode":false,"data":{"object":{}}}""";
        (string Body, string? Signature)[] malformed =
        [
            (Event, null), (Event, ""), (Event, "nonsense"), (Event, "t=abc,v1=00"), (Event, StandInEvent.Sign(Event, rig.State.Now, "whsec_other")),
            (Event, StandInEvent.Sign(Event, rig.State.Now.AddHours(-1))), ("{}", StandInEvent.Sign("{}", rig.State.Now)), ("no JSON", StandInEvent.Sign("no JSON", rig.State.Now)),
            (Event.Replace("\"livemode\":false", "\"livemode\":true", StringComparison.Ordinal), StandInEvent.Sign(Event.Replace("\"livemode\":false", "\"livemode\":true", StringComparison.Ordinal), rig.State.Now)),
        ];
        foreach (var (body, signature) in malformed)
        {
            using var reply = await rig.PostAsync(body, signature);
            Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        }

        Assert.Equal(0, await rig.Server.ReadAsync<long>("select count(*) from control.provider_event"));
        using var unknown = await rig.Server.Anonymous.PostAsync("/v1/webhooks/paypal", new StringContent(Event));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task An_event_that_cannot_be_applied_is_dead_in_the_end_and_tried_again_by_the_comparison()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge);
        var sent = rig.State.Events[^1];
        using var reply = await rig.PostAsync(sent.Payload, sent.Sign(rig.State.Now));
        await using var owner = await rig.Server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync("alter table control.provider_event add constraint broken check (state not in ('applied', 'ignored')) not valid", default);
        await RunAsync(QueueRetries.MaxAttempts);
        Assert.Equal("dead", await StateAsync());

        await owner.ExecuteAsync("alter table control.provider_event drop constraint broken", default);
        await rig.Server.RunJobAsync("nightly");
        await RunAsync(1);
        Assert.Equal("applied", await StateAsync());

        async Task RunAsync(int attempts)
        {
            for (var attempt = 1; attempt <= attempts; attempt++)
            {
                await rig.Server.SqlAsync("update control.provider_event set next_attempt_at = now()");
                await rig.Server.RunJobAsync("payments");
            }
        }

        Task<string?> StateAsync() => rig.Server.ReadAsync<string>("select state from control.provider_event where id = $1", sent.Id);
    }

    [Fact]
    public async Task An_outage_of_the_provider_costs_an_event_no_attempt()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge);
        rig.Stripe.Throttle(1_000_000);
        var sent = rig.State.Events[^1];
        using var reply = await rig.PostAsync(sent.Payload, sent.Sign(rig.State.Now));
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            await rig.Server.SqlAsync("update control.provider_event set next_attempt_at = now()");
            await rig.Server.RunJobAsync("payments");
        }

        Assert.Equal("received 0", await rig.Server.ReadAsync<string>("select state || ' ' || attempts from control.provider_event where id = $1", sent.Id));
    }
}
