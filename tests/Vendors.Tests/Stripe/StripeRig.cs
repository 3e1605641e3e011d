using ControlPlane.Stripe;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests.Stripe;

/// <summary>The adapter with Stripe's own package, against a stand-in.</summary>
sealed class StripeRig(StripeStandIn standIn) : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 4, 1, 9, 0, 0, TimeSpan.Zero);

    static readonly Uri Back = new("https://platform.test/app/billing");

    public StripeStandIn StandIn => standIn;
    public StandInState State => standIn.State;
    public StripePayments Payments { get; } = new(new StripeSettings(StripeStandIn.Key, [StripeStandIn.WebhookSecret], new Uri(standIn.Address)));
    public Guid Tenant { get; } = Ids.New(TimeProvider.System);
    public Guid Invoice { get; } = Ids.New(TimeProvider.System);
    public string Customer { get; private set; } = "";
    public StandInMethod Method { get; private set; } = null!;

    /// <param name="kind">Of the saved method: <see cref="StandInState.Save"/>.</param>
    public static async Task<StripeRig> StartAsync(string kind = "visa")
    {
        var rig = new StripeRig(await StripeStandIn.StartAsync(Start));
        rig.Customer = await rig.Payments.EnsureCustomerAsync(
            new ProviderCustomer(rig.Tenant, Id: null, "billing@acme.test", "Acme", new ProviderAddress("Main Street 1", null, "10115", "Berlin", null, "DE"), "de"), default);
        rig.Method = rig.State.Save(rig.Customer, kind);
        return rig;
    }

    public Task<ProviderPayment> PrepareAsync(string? id = null, decimal amount = 14.58m, int attempt = 1) =>
        Payments.PrepareAsync(new PaymentOrder(Invoice, attempt, Tenant, "INV-000001", Customer, amount), id, default);

    public Task<ProviderPayment> ConfirmAsync(string id, int attempt = 1, bool interactive = false, string? method = null) =>
        Payments.ConfirmAsync(new PaymentConfirmation(id, Invoice, attempt, method ?? Method.Id, interactive, Back), default);

    public ValueTask DisposeAsync() => standIn.DisposeAsync();
}
