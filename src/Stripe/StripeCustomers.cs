using System.Security.Cryptography;
using System.Text;
using ControlPlane.Billing.Payments;
using Stripe;
using Checkout = Stripe.Checkout;
using Portal = Stripe.BillingPortal;

namespace ControlPlane.Stripe;

// Customers, their saved methods, and events.
sealed partial class StripePayments
{
    public async Task<string> EnsureCustomerAsync(ProviderCustomer customer, CancellationToken ct)
    {
        var address = new AddressOptions
        {
            Line1 = customer.Address.Line1,
            Line2 = customer.Address.Line2,
            PostalCode = customer.Address.PostalCode,
            City = customer.Address.City,
            State = customer.Address.State,
            Country = customer.Address.Country,
        };
        if (customer.Id is { } id)
        {
            await StripeCalls.RunAsync(
                () => _stripe.Customers.UpdateAsync(
                    id, new CustomerUpdateOptions { Email = customer.Email, Name = customer.Name, Address = address, PreferredLocales = [customer.Language] }, cancellationToken: ct),
                ct);
            return id;
        }

        var created = await StripeCalls.RunAsync(
            () => _stripe.Customers.CreateAsync(
                new CustomerCreateOptions
                {
                    Email = customer.Email,
                    Name = customer.Name,
                    Address = address,
                    PreferredLocales = [customer.Language],
                    Metadata = new() { [StripeMapping.Tenant] = customer.Tenant.ToString() },
                },
                Key($"customer:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(customer.ToString())))}"), ct),
            ct);
        return created.Id;
    }

    public async Task<Uri> BeginSetupAsync(string customer, SetupReturn back, CancellationToken ct)
    {
        var session = await StripeCalls.RunAsync(
            () => _stripe.Checkout.Sessions.CreateAsync(
                new Checkout.SessionCreateOptions
                {
                    Mode = "setup",
                    Currency = "eur",
                    Customer = customer,
                    // Stripe replaces the placeholder, which must not be encoded.
                    SuccessUrl = $"{back.Completed}{(back.Completed.Query.Length > 0 ? '&' : '?')}session={{CHECKOUT_SESSION_ID}}",
                    CancelUrl = back.Cancelled.ToString(),
                    ClientReferenceId = back.Tenant.ToString(),
                    Locale = back.Language,
                    SetupIntentData = new() { Metadata = new() { [StripeMapping.Tenant] = back.Tenant.ToString() } },
                },
                cancellationToken: ct),
            ct);
        return new Uri(session.Url);
    }

    public async Task<SavedMethod?> FinishSetupAsync(string customer, string session, CancellationToken ct)
    {
        Checkout.Session found;
        try
        {
            found = await StripeCalls.RunAsync(
                () => _stripe.Checkout.Sessions.GetAsync(session, new Checkout.SessionGetOptions { Expand = ["setup_intent.payment_method"] }, cancellationToken: ct), ct);
        }
        catch (StripeException e) when (e.HttpStatusCode is System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.BadRequest)
        {
            return null;
        }

        if (found.CustomerId != customer || found.SetupIntent is not { Status: "succeeded", PaymentMethod: { } method })
        {
            return null;
        }

        await StripeCalls.RunAsync(
            () => _stripe.Customers.UpdateAsync(customer, new CustomerUpdateOptions { InvoiceSettings = new() { DefaultPaymentMethod = method.Id } }, cancellationToken: ct), ct);
        return StripeMapping.Method(method);
    }

    public async Task<SavedMethod?> DefaultMethodAsync(string customer, CancellationToken ct)
    {
        try
        {
            var found = await StripeCalls.RunAsync(
                () => _stripe.Customers.GetAsync(customer, new CustomerGetOptions { Expand = ["invoice_settings.default_payment_method"] }, cancellationToken: ct), ct);
            return found.InvoiceSettings?.DefaultPaymentMethod is { } method ? StripeMapping.Method(method) : null;
        }
        catch (StripeException e) when (e.HasCode("resource_missing"))
        {
            return null;
        }
    }

    public async Task<Uri> ManageAsync(string customer, Uri back, string language, CancellationToken ct)
    {
        var session = await StripeCalls.RunAsync(
            () => _stripe.BillingPortal.Sessions.CreateAsync(
                new Portal.SessionCreateOptions
                {
                    Customer = customer,
                    ReturnUrl = back.ToString(),
                    Locale = language,
                    FlowData = new() { Type = "payment_method_update" },
                },
                cancellationToken: ct),
            ct);
        return new Uri(session.Url);
    }

    public ProviderEvent? ReadEvent(ReadOnlyMemory<byte> body, string? signature, DateTimeOffset now) => StripeWebhooks.Read(body, signature, settings, now);

    public async Task<ProviderFact> FetchAsync(ProviderEvent notice, CancellationToken ct)
    {
        try
        {
            return await FactAsync(notice, ct) ?? new ProviderFact.Irrelevant();
        }
        catch (StripeException e) when (e.HasCode("resource_missing"))
        {
            return new ProviderFact.Irrelevant();
        }
    }

    async Task<ProviderFact?> FactAsync(ProviderEvent notice, CancellationToken ct)
    {
        switch (notice.Type)
        {
            case var type when notice.ObjectId is { } id && type.StartsWith("payment_intent.", StringComparison.Ordinal):
                var intent = await StripeCalls.RunAsync(
                    () => _stripe.PaymentIntents.GetAsync(id, new PaymentIntentGetOptions { Expand = ["latest_charge"] }, cancellationToken: ct), ct);
                return StripeMapping.Payment(intent) is { } payment ? new ProviderFact.Payment(payment) : null;
            case var type when notice.ObjectId is { } id && type.StartsWith("charge.dispute.", StringComparison.Ordinal):
                var dispute = await StripeCalls.RunAsync(
                    () => _stripe.Disputes.GetAsync(id, new DisputeGetOptions { Expand = ["payment_intent"] }, cancellationToken: ct), ct);
                return Of(dispute.PaymentIntent) is { } disputed
                    ? new ProviderFact.Disputed(
                        disputed.Id, disputed.Invoice, dispute.Id, StripeMapping.Euros(dispute.Amount), StripeMapping.IsWithdrawn(dispute), StripeMapping.Instant(dispute.Created),
                        dispute.Reason ?? "general")
                    : null;
            case var type when notice.ObjectId is { } id && (type.StartsWith("refund.", StringComparison.Ordinal) || type == "charge.refund.updated"):
                var refund = await StripeCalls.RunAsync(
                    () => _stripe.Refunds.GetAsync(id, new RefundGetOptions { Expand = ["payment_intent"] }, cancellationToken: ct), ct);
                return Of(refund.PaymentIntent) is { } refunded ? new ProviderFact.Refunded(refunded.Id, refunded.Invoice, StripeMapping.RefundOf(refund)) : null;
            case "customer.updated" when notice.ObjectId is { } id:
                return new ProviderFact.MethodChanged(id);
            case var type when type.StartsWith("payment_method.", StringComparison.Ordinal):
                return StripeWebhooks.CustomerOf(notice) is { } customer ? new ProviderFact.MethodChanged(customer) : null;
            case "mandate.updated" when StripeWebhooks.ObjectMember(notice, "payment_method") is { } methodId:
                var method = await StripeCalls.RunAsync(() => _stripe.PaymentMethods.GetAsync(methodId, cancellationToken: ct), ct);
                return method.CustomerId is { } owner ? new ProviderFact.MethodChanged(owner) : null;
            case "checkout.session.completed" when notice.ObjectId is { } id && StripeWebhooks.ObjectMember(notice, "mode") == "setup":
                return StripeWebhooks.CustomerOf(notice) is { } saver ? new ProviderFact.SetupFinished(saver, id) : null;
            default:
                return null;
        }
    }

    static ProviderPayment? Of(PaymentIntent? intent) => intent is null ? null : StripeMapping.Payment(intent);
}
