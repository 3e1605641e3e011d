using System.Globalization;
using ControlPlane.Billing.Payments;
using Stripe;

namespace ControlPlane.Stripe;

/// <summary>Stripe's objects as the port's records.</summary>
static class StripeMapping
{
    /// <summary>Key of the metadata that names our invoice.</summary>
    public const string Invoice = "invoice";
    public const string Tenant = "tenant";
    public const string Refund = "refund";

    public static long Cents(decimal amount) => (long)(amount * 100);

    public static decimal Euros(long cents) => cents / 100m;

    /// <returns>null: it is not a payment of ours.</returns>
    public static ProviderPayment? Payment(PaymentIntent intent)
    {
        if (intent.Metadata?.GetValueOrDefault(Invoice) is not { } text || !Guid.TryParse(text, out var invoice) || intent.Currency != "eur")
        {
            return null;
        }

        var (id, amount, charge) = (intent.Id, Euros(intent.Amount), intent.LatestChargeId);
        return intent.Status switch
        {
            "succeeded" => new ProviderPayment.Succeeded(id, invoice, amount, charge, Instant(intent.LatestCharge?.Created ?? intent.Created)),
            "processing" => new ProviderPayment.Pending(id, invoice, amount, charge),
            "canceled" => new ProviderPayment.Cancelled(id, invoice, amount, charge),
            "requires_action" => new ProviderPayment.RequiresAction(id, invoice, amount, charge, Page(intent)),
            _ when intent.LastPaymentError is { } error => new ProviderPayment.Declined(id, invoice, amount, charge, Reason(error)),
            _ => new ProviderPayment.Unconfirmed(id, invoice, amount, charge),
        };
    }

    public static Decline Reason(StripeError error) =>
        Decline.Of(error.DeclineCode ?? error.Code ?? error.Type ?? "unknown", error.AdviceCode, error.Message ?? "Declined");

    public static SavedMethod Method(PaymentMethod method) => method switch
    {
        { Type: "card", Card: { } card } => new(
            method.Id, MethodKind.Card, $"{Brand(card.Brand)} •••• {card.Last4}", LastDay(card.ExpYear, card.ExpMonth)),
        { Type: "sepa_debit", SepaDebit: { } debit } => new(method.Id, MethodKind.SepaDebit, $"SEPA {debit.Country} •••• {debit.Last4}", ExpiresOn: null),
        _ => new(method.Id, MethodKind.Other, method.Type ?? "other", ExpiresOn: null),
    };

    public static ProviderRefund RefundOf(Refund refund) => new(
        refund.Id,
        refund.Status switch { "succeeded" => RefundState.Succeeded, "failed" or "canceled" => RefundState.Failed, _ => RefundState.Pending },
        Euros(refund.Amount));

    /// <summary>An inquiry (<c>warning_…</c>) moves no money, a prevented dispute neither, and one that was won gave it back.</summary>
    public static bool IsWithdrawn(Dispute dispute) =>
        dispute.Status is not ("won" or "prevented") && dispute.Status?.StartsWith("warning_", StringComparison.Ordinal) != true;

    public static DateTimeOffset Instant(DateTime utc) => new(DateTime.SpecifyKind(utc, DateTimeKind.Utc));

    static Uri? Page(PaymentIntent intent) =>
        Uri.TryCreate(intent.NextAction?.RedirectToUrl?.Url, UriKind.Absolute, out var page) ? page : null;

    static string Brand(string? brand) => string.IsNullOrEmpty(brand) ? "Card" : CultureInfo.InvariantCulture.TextInfo.ToTitleCase(brand);

    static DateOnly? LastDay(long year, long month) =>
        year is > 0 and < 9999 && month is >= 1 and <= 12 ? new DateOnly((int)year, (int)month, 1).AddMonths(1).AddDays(-1) : null;
}
