using System.Globalization;
using System.Runtime.CompilerServices;
using ControlPlane.Billing.Payments;
using Stripe;

namespace ControlPlane.Stripe;

/// <summary>Payment intents: created unconfirmed, one per invoice. Nothing depends on how long Stripe remembers an idempotency key.</summary>
sealed partial class StripePayments(StripeSettings settings) : IPaymentProvider
{
    const int PageSize = 100;

    readonly V1Services _stripe = StripeCalls.CreateClient(settings).V1;

    public string Name => "stripe";

    public async Task<ProviderPayment> PrepareAsync(PaymentOrder order, string? paymentId, CancellationToken ct)
    {
        var cents = StripeMapping.Cents(order.Amount);
        try
        {
            var intent = await StripeCalls.RunAsync(
                () => paymentId is null
                    ? _stripe.PaymentIntents.CreateAsync(
                        new PaymentIntentCreateOptions
                        {
                            Amount = cents,
                            Currency = "eur",
                            Customer = order.Customer,
                            Description = $"Invoice {order.Number}",
                            Metadata = new() { [StripeMapping.Invoice] = order.Invoice.ToString(), [StripeMapping.Tenant] = order.Tenant.ToString() },
                            AutomaticPaymentMethods = new() { Enabled = true },
                        },
                        // All that can differ is in the key, so the same key never comes with other parameters.
                        Key(FormattableString.Invariant($"intent:{order.Invoice}:{order.Attempt}:{cents}:{order.Customer}")), ct)
                    : _stripe.PaymentIntents.UpdateAsync(paymentId, new PaymentIntentUpdateOptions { Amount = cents }, cancellationToken: ct),
                ct);
            return Ours(intent);
        }
        catch (StripeException e) when (paymentId is not null && e.HasCode("payment_intent_unexpected_state"))
        {
            return await FindAsync(paymentId, ct);
        }
    }

    public async Task<ProviderPayment> ConfirmAsync(PaymentConfirmation confirmation, CancellationToken ct)
    {
        try
        {
            return Ours(await StripeCalls.RunAsync(
                () => _stripe.PaymentIntents.ConfirmAsync(
                    confirmation.PaymentId,
                    new PaymentIntentConfirmOptions
                    {
                        PaymentMethod = confirmation.Method,
                        OffSession = confirmation.Interactive ? null : true,
                        ReturnUrl = confirmation.Back.ToString(),
                        Expand = ["latest_charge"],
                    },
                    Key(FormattableString.Invariant($"confirm:{confirmation.Invoice}:{confirmation.Attempt}")), ct),
                ct));
        }
        catch (StripeException e) when (e.HttpStatusCode == System.Net.HttpStatusCode.PaymentRequired && e.StripeError is { } error)
        {
            // The intent in the error is the one at that time; a replayed error has an old one.
            var now = await FindAsync(confirmation.PaymentId, ct);
            return now is ProviderPayment.Unconfirmed ? new ProviderPayment.Declined(now.Id, now.Invoice, now.Amount, now.LastCharge, StripeMapping.Reason(error)) : now;
        }
        catch (StripeException e) when (e.HasCode("resource_missing") && e.StripeError.Param == "payment_method")
        {
            var now = await FindAsync(confirmation.PaymentId, ct);
            return now is ProviderPayment.Unconfirmed or ProviderPayment.Declined
                ? new ProviderPayment.Declined(now.Id, now.Invoice, now.Amount, LastCharge: null, Decline.Of(Decline.MethodRemoved, advice: null, e.Message))
                : now;
        }
        catch (StripeException e) when (e.HasCode("payment_intent_unexpected_state") || e.IsIdempotencyError())
        {
            return await FindAsync(confirmation.PaymentId, ct);
        }
    }

    public async Task<ProviderPayment> FindAsync(string paymentId, CancellationToken ct) =>
        Ours(await StripeCalls.RunAsync(
            () => _stripe.PaymentIntents.GetAsync(paymentId, new PaymentIntentGetOptions { Expand = ["latest_charge"] }, cancellationToken: ct), ct));

    public async Task CancelAsync(string paymentId, CancellationToken ct)
    {
        try
        {
            await StripeCalls.RunAsync(
                () => _stripe.PaymentIntents.CancelAsync(paymentId, new PaymentIntentCancelOptions { CancellationReason = "abandoned" }, cancellationToken: ct), ct);
        }
        catch (StripeException e) when (e.HasCode("payment_intent_unexpected_state"))
        {
            // It has succeeded, or is cancelled already.
        }
    }

    public async Task<ProviderRefund> RefundAsync(string paymentId, decimal amount, Guid key, CancellationToken ct)
    {
        // Older keys are forgotten, so what was refunded under this one is found by its metadata.
        var made = await StripeCalls.RunAsync(
            () => _stripe.Refunds.ListAsync(new RefundListOptions { PaymentIntent = paymentId, Limit = PageSize }, cancellationToken: ct), ct);
        if (made.Data.FirstOrDefault(refund => refund.Metadata?.GetValueOrDefault(StripeMapping.Refund) == key.ToString()) is { } earlier)
        {
            return StripeMapping.RefundOf(earlier);
        }

        try
        {
            return StripeMapping.RefundOf(await StripeCalls.RunAsync(
                () => _stripe.Refunds.CreateAsync(
                    new RefundCreateOptions { PaymentIntent = paymentId, Amount = StripeMapping.Cents(amount), Metadata = new() { [StripeMapping.Refund] = key.ToString() } },
                    Key($"refund:{key}"), ct),
                ct));
        }
        catch (StripeException)
        {
            // Nothing was taken, or it was given back there by hand: another try is refused as well.
            return new ProviderRefund($"refused:{key}", RefundState.Failed, amount);
        }
    }

    public async IAsyncEnumerable<ProviderPayment> ListAsync(DateTimeOffset since, [EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        while (true)
        {
            var page = await StripeCalls.RunAsync(
                () => _stripe.PaymentIntents.ListAsync(
                    new PaymentIntentListOptions
                    {
                        Created = new DateRangeOptions { GreaterThanOrEqual = since.UtcDateTime },
                        Limit = PageSize,
                        StartingAfter = after,
                        Expand = ["data.latest_charge"],
                    },
                    cancellationToken: ct),
                ct);
            foreach (var payment in page.Data.Select(StripeMapping.Payment).OfType<ProviderPayment>())
            {
                yield return payment;
            }

            if (!page.HasMore || page.Data.Count == 0)
            {
                yield break;
            }

            after = page.Data[^1].Id;
        }
    }

    static RequestOptions Key(string key) => new() { IdempotencyKey = key };

    static ProviderPayment Ours(PaymentIntent intent) => StripeMapping.Payment(intent)
        ?? throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Stripe's payment intent {intent.Id} is not of one of our invoices."));
}
