using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

public sealed class ReconcileJourneys
{
    [Fact]
    public async Task What_succeeded_there_and_is_open_here_is_booked()
    {
        await using var rig = await PaymentRig.StartAsync("3ds");
        await rig.MoveAsync(PaymentRig.Charge);
        (await rig.PayAsync()).Dispose();
        rig.State.ConfirmAtBank(rig.State.Intents[0].Id, confirmed: true);
        Assert.Equal(PaymentRig.Price, await rig.OpenAsync());

        var report = await ReconcileAsync(rig);

        Assert.Equal((1, 1, 0), (report.Counts["payments_compared"], report.Counts["payments_corrected"], report.Counts["payments_cancelled"]));
        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Equal(0, (await ReconcileAsync(rig)).Counts["payments_corrected"]);
    }

    [Fact]
    public async Task A_payment_that_was_prepared_and_is_not_used_is_cancelled()
    {
        await using var rig = await PaymentRig.StartAsync("insufficient_funds");
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(-1));
        rig.Stripe.FailAfterEffect(1);
        await rig.MoveAsync(PaymentRig.Charge);
        await rig.MoveAsync(PaymentRig.Charge.AddMinutes(2));
        Assert.Equal(2, rig.State.Intents.Count);

        Assert.Equal(1, (await ReconcileAsync(rig)).Counts["payments_cancelled"]);
        Assert.Equal(["canceled", "requires_payment_method"], rig.State.Intents.Select(intent => intent.Status));
    }

    [Fact]
    public async Task A_payment_that_was_cancelled_there_is_prepared_again()
    {
        await using var rig = await PaymentRig.StartAsync("insufficient_funds");
        await rig.MoveAsync(PaymentRig.Charge);
        rig.State.CancelIntent(rig.State.Intents[0].Id);
        rig.State.Change(rig.Method, "visa");

        Assert.Equal(1, (await ReconcileAsync(rig)).Counts["payments_corrected"]);
        await rig.MoveAsync(PaymentRig.Charge.AddDays(1));

        Assert.Equal([PaymentRig.Price], rig.State.Taken);
        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
    }

    [Fact]
    public async Task An_invoice_that_was_paid_by_transfer_leaves_no_payment_that_could_be_confirmed()
    {
        await using var rig = await PaymentRig.StartAsync("insufficient_funds");
        await rig.MoveAsync(PaymentRig.Charge);
        var result = await rig.Server.Services.GetRequiredService<RecordTransfer>().RunAsync("INV-000001", PaymentRig.Price, new DateOnly(2026, 4, 1), "R1", "operator", default);
        Assert.Equal(new TransferResult.Recorded(0), result);

        Assert.Equal(1, (await ReconcileAsync(rig)).Counts["payments_cancelled"]);
        Assert.Equal("canceled", rig.State.Intents[0].Status);
    }

    static Task<JobReport> ReconcileAsync(PaymentRig rig) => rig.Server.Services.GetRequiredService<ReconcilePayments>().RunAsync(default);
}
