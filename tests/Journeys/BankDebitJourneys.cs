using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>Bank debits that take days, and payments that come back.</summary>
public sealed class BankDebitJourneys
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_bank_debit_is_pending_until_the_bank_decides_even_when_its_webhook_is_lost(bool webhook)
    {
        await using var rig = await PaymentRig.StartAsync("sepa");
        await rig.MoveAsync(PaymentRig.Charge);
        Assert.Equal("pending", await rig.PaymentStateAsync());
        Assert.Equal("pending", (await (await rig.PayAsync()).ReadAsync()).Member("status"));

        rig.State.Settle(rig.State.Intents[0].Id, succeeds: true);
        await (webhook ? rig.DeliverAsync(rig.State.Events[^1]) : rig.MoveAsync(PaymentRig.Charge.AddDays(1)));

        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Equal(1, rig.State.Tries);
    }

    [Fact]
    public async Task A_debit_that_fails_counts_as_bounced_and_is_tried_again()
    {
        await using var rig = await PaymentRig.StartAsync("sepa");
        await rig.MoveAsync(PaymentRig.Charge);
        rig.State.Settle(rig.State.Intents[0].Id, succeeds: false);
        await rig.DeliverAsync(rig.State.Events[^1]);

        Assert.Equal("failed", await rig.PaymentStateAsync());
        Assert.Equal(1, await rig.Server.ReadAsync<int>("select bounces from control.payment where tenant_id = $1", rig.Tenant.Id));
        Assert.Equal(PaymentRig.Charge.AddDays(1), await rig.NextAttemptAsync());
    }

    [Fact]
    public async Task A_payment_that_was_disputed_opens_the_invoice_again_and_another_one_pays_it()
    {
        await using var rig = await PaymentRig.StartAsync();
        await rig.MoveAsync(PaymentRig.Charge);
        var dispute = rig.State.Dispute(rig.State.Intents[0].Id);
        await rig.DeliverAsync(rig.State.Events[^1], rig.State.Events[^1]);

        Assert.Equal(("reversed", PaymentRig.Price), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Contains("Your payment for invoice INV-000001 was reversed", await rig.MailsAsync());
        Assert.Equal(1, await rig.Server.ReadAsync<long>("select count(*) from control.billing_review where tenant_id = $1 and kind = 'dispute'", rig.Tenant.Id));
        await rig.MoveAsync(PaymentRig.Charge.AddDays(3));
        Assert.Single(rig.State.Taken);

        Assert.Equal("paid", (await (await rig.PayAsync()).ReadAsync()).Member("status"));
        Assert.Equal((2, 0m), (rig.State.Intents.Count, await rig.OpenAsync()));

        // The seller wins, so the customer has paid twice.
        rig.State.Close(dispute, "won");
        await rig.DeliverAsync(rig.State.Events[^1]);
        Assert.Equal((0m, PaymentRig.Price), (await rig.OpenAsync(), await rig.BalanceAsync()));
    }
}
