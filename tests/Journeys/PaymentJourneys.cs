using System.Net;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>Collecting invoices at a stand-in for Stripe, through Stripe's own package.</summary>
public sealed class PaymentJourneys
{
    [Fact, Trait("Category", "Quick")]
    public async Task An_invoice_is_charged_nine_hours_after_its_period_and_the_customer_gets_a_receipt()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(-1));
        Assert.Equal("due", await rig.PaymentStateAsync());
        Assert.Empty(rig.State.Intents);

        await rig.MoveAsync(PaymentRig.Charge);

        Assert.Equal([PaymentRig.Price], rig.State.Taken);
        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Contains("Payment received for invoice INV-000001", await rig.MailsAsync());
        using var again = await rig.PayAsync();
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
    }

    [Fact]
    public async Task What_may_work_later_is_tried_daily_within_the_grace_and_then_waits_for_the_customer()
    {
        await using var rig = await PaymentRig.StartAsync("insufficient_funds");
        for (var hours = 0; hours <= 120; hours += 12)
        {
            await rig.MoveAsync(PaymentRig.Charge.AddHours(hours));
        }

        Assert.Equal((3, "failed"), (rig.State.Tries, await rig.PaymentStateAsync()));
        Assert.Equal(3, (await rig.MailsAsync()).Count(subject => subject == "Your payment for invoice INV-000001 failed"));

        rig.State.Change(rig.Method, "visa");
        Assert.Equal("paid", (await (await rig.PayAsync()).ReadAsync()).Member("status"));
        Assert.Equal([PaymentRig.Price], rig.State.Taken);
        Assert.Single(rig.State.Intents);
    }

    [Fact]
    public async Task A_decline_without_a_new_charge_is_an_attempt_like_any_other()
    {
        await using var rig = await PaymentRig.StartAsync("insufficient_funds");
        await rig.MoveAsync(PaymentRig.Charge);
        rig.State.Change(rig.Method, "card_velocity_exceeded");
        await rig.MoveAsync(PaymentRig.Charge.AddDays(1));

        Assert.Equal(
            ["insufficient_funds", "card_velocity_exceeded"], await rig.Server.ListAsync("select array_agg(decline_code order by ordinal) from control.payment_attempt"));
        Assert.Equal(PaymentRig.Charge.AddDays(2), await rig.NextAttemptAsync());
    }

    [Theory]
    [InlineData("lost_card")]
    [InlineData("expired_card")]
    [InlineData("3ds")]
    public async Task What_cannot_work_by_itself_is_tried_once_and_a_new_method_pays_at_once(string kind)
    {
        await using var rig = await PaymentRig.StartAsync(kind);
        for (var days = 0; days < 5; days++)
        {
            await rig.MoveAsync(PaymentRig.Charge.AddDays(days));
        }

        Assert.Equal((1, "failed", null), (rig.State.Tries, await rig.PaymentStateAsync(), await rig.NextAttemptAsync()));

        // In the customer portal of Stripe: only the webhook tells.
        rig.State.Save(rig.Customer, "visa");
        await rig.DeliverAsync(rig.State.Events[^1]);

        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Single(rig.State.Intents);
    }

    [Fact]
    public async Task A_customer_without_a_method_is_asked_for_one_and_paying_it_is_collected_at_once()
    {
        await using var rig = await PaymentRig.StartAsync(kind: null);
        await rig.MoveAsync(PaymentRig.Charge);
        Assert.Equal("failed", await rig.PaymentStateAsync());
        Assert.Empty(rig.State.Intents);
        using var refused = await rig.PayAsync();
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);

        await rig.SaveMethodAsync(rig.Tenant, "visa");
        await rig.Server.RunJobAsync("payments");

        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
    }

    [Fact]
    public async Task A_method_that_was_refused_for_good_is_not_tried_again_by_a_click_either()
    {
        await using var rig = await PaymentRig.StartAsync("lost_card");
        await rig.MoveAsync(PaymentRig.Charge);
        using var refused = await rig.PayAsync();
        Assert.Equal((HttpStatusCode.PaymentRequired, 1), (refused.StatusCode, rig.State.Tries));

        await rig.SaveMethodAsync(rig.Tenant, "visa");
        await rig.Server.RunJobAsync("payments");
        Assert.Equal([PaymentRig.Price], rig.State.Taken);
    }

    [Fact]
    public async Task A_click_leads_to_the_banks_page_when_the_bank_asks_for_it()
    {
        await using var rig = await PaymentRig.StartAsync("3ds");
        await rig.MoveAsync(PaymentRig.Charge);

        using var reply = await rig.PayAsync();
        Assert.Equal(HttpStatusCode.Accepted, reply.StatusCode);
        Assert.StartsWith(rig.Stripe.Address, (await reply.ReadAsync()).Member("url"), StringComparison.Ordinal);
        Assert.Equal("requires_action", await rig.PaymentStateAsync());

        rig.State.ConfirmAtBank(rig.State.Intents[0].Id, confirmed: true);
        await rig.Server.Services.GetRequiredService<PayInvoice>().FinishAsync(rig.State.InvoiceOf(rig.State.Intents[0].Id), default);
        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
    }

    [Fact]
    public async Task A_customer_who_does_not_return_from_the_banks_page_is_not_waited_for_forever()
    {
        await using var rig = await PaymentRig.StartAsync("3ds");
        await rig.MoveAsync(PaymentRig.Charge);
        (await rig.PayAsync()).Dispose();
        await rig.MoveAsync(PaymentRig.Charge.AddHours(2));
        Assert.Equal(("failed", null), (await rig.PaymentStateAsync(), await rig.NextAttemptAsync()));
    }

    [Fact]
    public async Task A_provider_that_fails_after_the_effect_has_charged_once()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(-1));
        rig.Stripe.FailAfterEffect(1);
        await rig.MoveAsync(PaymentRig.Charge);
        Assert.Equal("due", await rig.PaymentStateAsync());

        // The payment was created but its id got lost: another one is created, and the charge's answer gets lost as well.
        rig.Stripe.FailAfterEffect(0);
        var failing = rig.Stripe.FailWhen("/confirm");
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(2));
        failing.Dispose();
        await rig.MoveAsync(PaymentRig.Charge.AddHours(2));

        Assert.Equal([PaymentRig.Price], rig.State.Taken);
        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
    }

    [Fact]
    public async Task Too_many_requests_stop_the_run_and_the_next_one_goes_on()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(-1));
        rig.Stripe.Throttle(1);
        await rig.MoveAsync(PaymentRig.Charge);
        Assert.Empty(rig.State.Taken);
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(1));
        Assert.Equal([PaymentRig.Price], rig.State.Taken);
    }

    [Fact]
    public async Task Eight_collectors_and_clicks_at_once_charge_each_invoice_once()
    {
        await using var rig = await PaymentRig.StartAsync();
        var tenants = new List<TestTenant> { rig.Tenant };
        for (var i = 0; i < 5; i++)
        {
            tenants.Add(await rig.Server.CreateTenantAsync());
            await rig.SaveMethodAsync(tenants[^1], "visa");
        }

        await rig.MoveAsync(PaymentRig.End);
        rig.State.Advance(TimeSpan.FromHours(9));
        Assert.True(await rig.Server.Clock.MoveAsync(rig.Server.Database, PaymentRig.Charge, default));
        var collect = rig.Server.Services.GetRequiredService<CollectPayments>();
        var clicks = tenants.Select(async tenant =>
        {
            var number = await rig.Server.ReadAsync<string>("select number from control.invoice where tenant_id = $1", tenant.Id);
            using var reply = await tenant.Http.PostAsync($"/v1/invoices/{number}/pay", content: null);
            Assert.True(reply.StatusCode is HttpStatusCode.OK or HttpStatusCode.Conflict, reply.StatusCode.ToString());
        });
        await Task.WhenAll([.. Enumerable.Range(0, 8).Select(_ => Task.Run(() => collect.RunAsync(default))), .. clicks]);

        Assert.Equal(Enumerable.Repeat(PaymentRig.Price, 6), rig.State.Taken);
        Assert.Equal(6, rig.State.Intents.Count);
        Assert.Equal(6, await rig.Server.ReadAsync<long>("select count(*) from control.settlement where kind = 'payment'"));
        Assert.Equal(0, await rig.Server.ReadAsync<long>("select count(*) from control.payment where claim is not null or state <> 'succeeded'"));
    }

    [Fact]
    public async Task A_refund_is_paid_once_although_its_answer_was_lost()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge);
        rig.Stripe.FailAfterEffect(1);
        await rig.Server.SqlAsync(
            """
            insert into control.refund (id, invoice_id, tenant_id, amount, state, provider, next_attempt_at, created_at)
            select gen_random_uuid(), invoice_id, tenant_id, 4, 'requested', provider, $1, $1 from control.payment
            """, rig.Server.Clock.GetUtcNow());
        (await rig.Server.Operator.PostAsync("/v1/admin/jobs/payments/run", content: null)).Dispose();
        Assert.Equal("requested", await rig.Server.ReadAsync<string>("select state from control.refund"));
        await rig.MoveAsync(PaymentRig.Charge.AddHours(25));

        Assert.Equal(400, Assert.Single(rig.State.Refunds).Amount);
        Assert.Equal(-4m, await rig.Server.ReadAsync<decimal>("select sum(amount) from control.settlement where kind = 'refund'"));
        // The webhook about it changes nothing, and one about a refund made by hand asks an operator.
        await rig.DeliverAsync(rig.State.Events[^1]);
        Assert.Equal(-4m, await rig.Server.ReadAsync<decimal>("select sum(amount) from control.settlement where kind = 'refund'"));
    }
}
