using ControlPlane.Stripe;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests.Stripe;

public class StripePaymentsTests
{
    [Fact]
    public async Task A_prepared_payment_collects_nothing_until_it_is_confirmed()
    {
        await using var rig = await StripeRig.StartAsync();
        var prepared = Assert.IsType<ProviderPayment.Unconfirmed>(await rig.PrepareAsync());
        Assert.Equal((rig.Invoice, 14.58m, null), (prepared.Invoice, prepared.Amount, prepared.LastCharge));
        Assert.Empty(rig.State.Taken);

        var paid = Assert.IsType<ProviderPayment.Succeeded>(await rig.ConfirmAsync(prepared.Id));
        Assert.Equal([14.58m], rig.State.Taken);
        Assert.Equal((14.58m, StripeRig.Start), (paid.Amount, paid.At));
        Assert.NotNull(paid.LastCharge);
    }

    [Theory]
    [InlineData("generic_decline", DeclineKind.Retry)]
    [InlineData("insufficient_funds", DeclineKind.Retry)]
    [InlineData("expired_card", DeclineKind.Customer)]
    [InlineData("3ds", DeclineKind.Customer, "authentication_required")]
    [InlineData("lost_card", DeclineKind.Hard)]
    internal async Task A_decline_has_the_banks_code_and_what_can_help(string kind, DeclineKind expected, string? code = null)
    {
        await using var rig = await StripeRig.StartAsync(kind);
        var prepared = await rig.PrepareAsync();

        var declined = Assert.IsType<ProviderPayment.Declined>(await rig.ConfirmAsync(prepared.Id));

        Assert.Equal((code ?? kind, expected), (declined.Reason.Code, declined.Reason.Kind));
        Assert.NotNull(declined.LastCharge);
        Assert.Equal(declined, await rig.Payments.FindAsync(prepared.Id, default));
        Assert.Empty(rig.State.Taken);
    }

    [Fact]
    public async Task The_same_payment_succeeds_with_another_method()
    {
        await using var rig = await StripeRig.StartAsync("insufficient_funds");
        var prepared = await rig.PrepareAsync();
        await rig.ConfirmAsync(prepared.Id);
        var other = rig.State.Save(rig.Customer, "visa");

        Assert.IsType<ProviderPayment.Succeeded>(await rig.ConfirmAsync(prepared.Id, attempt: 2, method: other.Id));
        Assert.Single(rig.State.Intents);
        Assert.Equal([14.58m], rig.State.Taken);
    }

    [Fact]
    public async Task A_customer_who_is_present_confirms_on_the_banks_page()
    {
        await using var rig = await StripeRig.StartAsync("3ds");
        var prepared = await rig.PrepareAsync();

        var action = Assert.IsType<ProviderPayment.RequiresAction>(await rig.ConfirmAsync(prepared.Id, interactive: true));
        Assert.StartsWith(rig.StandIn.Address, action.Page!.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("https://platform.test/app/billing?", rig.State.ConfirmAtBank(prepared.Id, confirmed: true), StringComparison.Ordinal);
        Assert.IsType<ProviderPayment.Succeeded>(await rig.Payments.FindAsync(prepared.Id, default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_bank_debit_is_pending_until_the_bank_decides(bool succeeds)
    {
        await using var rig = await StripeRig.StartAsync("sepa");
        var prepared = await rig.PrepareAsync();
        var pending = Assert.IsType<ProviderPayment.Pending>(await rig.ConfirmAsync(prepared.Id));

        rig.State.Settle(prepared.Id, succeeds);

        var now = await rig.Payments.FindAsync(prepared.Id, default);
        Assert.Equal(succeeds, now is ProviderPayment.Succeeded);
        Assert.Equal(pending.LastCharge, now.LastCharge);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Confirming_again_never_charges_twice_even_when_the_keys_are_forgotten(bool otherAttempt)
    {
        await using var rig = await StripeRig.StartAsync();
        var prepared = await rig.PrepareAsync();
        var first = await rig.ConfirmAsync(prepared.Id);
        rig.State.Advance(TimeSpan.FromHours(25));

        Assert.Equal(first, await rig.ConfirmAsync(prepared.Id, otherAttempt ? 2 : 1));
        Assert.Single(rig.State.Taken);
    }

    [Fact]
    public async Task After_an_answer_was_lost_the_payment_shows_what_happened()
    {
        await using var rig = await StripeRig.StartAsync();
        var prepared = await rig.PrepareAsync();
        rig.StandIn.FailAfterEffect(1);

        await Assert.ThrowsAsync<ProviderUnavailableException>(() => rig.ConfirmAsync(prepared.Id));
        // The failure is repeated for this key.
        await Assert.ThrowsAsync<ProviderUnavailableException>(() => rig.ConfirmAsync(prepared.Id));
        Assert.IsType<ProviderPayment.Succeeded>(await rig.Payments.FindAsync(prepared.Id, default));
        Assert.Single(rig.State.Taken);
    }

    [Fact]
    public async Task Preparing_twice_in_one_attempt_makes_one_payment_and_in_another_attempt_a_second_unconfirmed_one()
    {
        await using var rig = await StripeRig.StartAsync();
        var first = await rig.PrepareAsync();
        Assert.Equal(first.Id, (await rig.PrepareAsync()).Id);
        Assert.NotEqual(first.Id, (await rig.PrepareAsync(attempt: 2)).Id);
        Assert.NotEqual(first.Id, (await rig.PrepareAsync(amount: 10m)).Id);
    }

    [Fact]
    public async Task The_amount_changes_until_the_payment_is_over()
    {
        await using var rig = await StripeRig.StartAsync();
        var prepared = await rig.PrepareAsync();
        Assert.Equal(9.99m, (await rig.PrepareAsync(prepared.Id, 9.99m)).Amount);
        await rig.ConfirmAsync(prepared.Id);

        Assert.Equal(9.99m, Assert.IsType<ProviderPayment.Succeeded>(await rig.PrepareAsync(prepared.Id, 5m)).Amount);
    }

    [Fact]
    public async Task A_cancelled_payment_cannot_be_confirmed_and_one_that_succeeded_is_not_cancelled()
    {
        await using var rig = await StripeRig.StartAsync();
        var first = await rig.PrepareAsync();
        await rig.Payments.CancelAsync(first.Id, default);
        Assert.IsType<ProviderPayment.Cancelled>(await rig.ConfirmAsync(first.Id));

        var second = await rig.PrepareAsync(attempt: 2);
        await rig.ConfirmAsync(second.Id, attempt: 2);
        await rig.Payments.CancelAsync(second.Id, default);
        Assert.IsType<ProviderPayment.Succeeded>(await rig.Payments.FindAsync(second.Id, default));
    }

    [Fact]
    public async Task A_method_that_was_removed_asks_for_the_customer()
    {
        await using var rig = await StripeRig.StartAsync();
        var prepared = await rig.PrepareAsync();
        rig.State.Detach(rig.Method);

        var declined = Assert.IsType<ProviderPayment.Declined>(await rig.ConfirmAsync(prepared.Id));
        Assert.Equal((Decline.MethodRemoved, DeclineKind.Customer), (declined.Reason.Code, declined.Reason.Kind));
    }

    [Fact]
    public async Task Too_many_requests_say_when_to_try_again()
    {
        await using var rig = await StripeRig.StartAsync();
        rig.StandIn.Throttle(1);

        var refused = await Assert.ThrowsAsync<ProviderUnavailableException>(() => rig.PrepareAsync());
        Assert.Equal((true, TimeSpan.FromSeconds(1)), (refused.IsThrottled, refused.RetryAfter));
    }

    [Fact]
    public async Task A_wrong_key_and_a_server_that_is_down_say_nothing_about_the_payment()
    {
        await using var rig = await StripeRig.StartAsync();
        var wrongKey = new StripePayments(new StripeSettings("sk_test_anotherkey", ["whsec_x"], new Uri(rig.StandIn.Address)));
        await Assert.ThrowsAsync<ProviderUnavailableException>(() => wrongKey.FindAsync("pi_1", default));

        var down = new StripePayments(new StripeSettings(StripeStandIn.Key, ["whsec_x"], new Uri($"http://127.0.0.1:{FreePort.Find()}")));
        await Assert.ThrowsAsync<ProviderUnavailableException>(() => down.FindAsync("pi_1", default));
    }

    [Fact]
    public async Task A_refund_is_made_once_for_its_key_even_when_the_keys_are_forgotten()
    {
        await using var rig = await StripeRig.StartAsync();
        var prepared = await rig.PrepareAsync();
        await rig.ConfirmAsync(prepared.Id);
        var key = Ids.New(TimeProvider.System);

        var refund = await rig.Payments.RefundAsync(prepared.Id, 4.58m, key, default);
        rig.StandIn.ForgetKeys();

        Assert.Equal(refund, await rig.Payments.RefundAsync(prepared.Id, 4.58m, key, default));
        Assert.Equal((RefundState.Succeeded, 4.58m), (refund.State, refund.Amount));
        Assert.Single(rig.State.Refunds);
    }

    [Fact]
    public async Task The_list_has_every_payment_of_an_invoice_once()
    {
        await using var rig = await StripeRig.StartAsync();
        var expected = new List<string>();
        for (var attempt = 1; attempt <= 230; attempt++)
        {
            expected.Add((await rig.PrepareAsync(attempt: attempt)).Id);
        }

        var listed = new List<string>();
        await foreach (var payment in rig.Payments.ListAsync(StripeRig.Start.AddDays(-1), default))
        {
            listed.Add(payment.Id);
        }

        Assert.Equal(expected.Order(), listed.Order());
        await foreach (var payment in rig.Payments.ListAsync(StripeRig.Start.AddDays(1), default))
        {
            Assert.Fail($"{payment.Id} is older.");
        }
    }
}
