namespace ControlPlane.Tests.Stripe;

public class StripeCustomerTests
{
    static readonly SetupReturn Return = new(Guid.Empty, new Uri("https://platform.test/app/billing/return"), new Uri("https://platform.test/app/billing"), "de");

    [Fact]
    public async Task A_method_that_was_saved_on_the_page_becomes_the_default_one()
    {
        await using var rig = await StripeRig.StartAsync();
        var page = await rig.Payments.BeginSetupAsync(rig.Customer, Return, default);
        var session = page.Segments[^1];
        Assert.Null(await rig.Payments.FinishSetupAsync(rig.Customer, session, default));

        Assert.Equal($"https://platform.test/app/billing/return?session={session}", rig.State.CompleteSession(session, "sepa"));

        var saved = await rig.Payments.FinishSetupAsync(rig.Customer, session, default);
        Assert.Equal((MethodKind.SepaDebit, "SEPA DE •••• 3000", null), (saved!.Kind, saved.Label, saved.ExpiresOn));
        Assert.Equal(saved, await rig.Payments.DefaultMethodAsync(rig.Customer, default));
    }

    [Fact]
    public async Task A_session_of_another_customer_or_an_unknown_one_saves_nothing()
    {
        await using var rig = await StripeRig.StartAsync();
        var session = (await rig.Payments.BeginSetupAsync(rig.Customer, Return, default)).Segments[^1];
        rig.State.CompleteSession(session, "visa");

        Assert.Null(await rig.Payments.FinishSetupAsync("cus_other", session, default));
        Assert.Null(await rig.Payments.FinishSetupAsync(rig.Customer, "cs_none", default));
    }

    [Fact]
    public async Task A_card_shows_its_last_digits_and_its_last_day()
    {
        await using var rig = await StripeRig.StartAsync();
        var card = await rig.Payments.DefaultMethodAsync(rig.Customer, default);
        Assert.Equal(("Visa •••• 4242", MethodKind.Card, new DateOnly(2032, 12, 31)), (card!.Label, card.Kind, card.ExpiresOn));

        rig.State.Detach(rig.Method);
        Assert.Null(await rig.Payments.DefaultMethodAsync(rig.Customer, default));
        Assert.Null(await rig.Payments.DefaultMethodAsync("cus_none", default));
    }

    [Fact]
    public async Task The_customers_page_returns_to_the_portal()
    {
        await using var rig = await StripeRig.StartAsync();
        var page = await rig.Payments.ManageAsync(rig.Customer, Return.Cancelled, "de", default);
        Assert.Equal("https://platform.test/app/billing", rig.State.PortalReturn(page.Segments[^1]));
    }

    [Fact]
    public async Task Updating_a_customer_keeps_its_id()
    {
        await using var rig = await StripeRig.StartAsync();
        var customer = new ProviderCustomer(rig.Tenant, rig.Customer, "new@acme.test", "Acme GmbH", new ProviderAddress(null, null, null, null, null, "AT"), "de");
        Assert.Equal(rig.Customer, await rig.Payments.EnsureCustomerAsync(customer, default));
    }
}
