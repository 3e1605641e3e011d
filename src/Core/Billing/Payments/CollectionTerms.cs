using ControlPlane.Billing.Cycle;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Payments;

/// <summary>How and when an invoice is collected.</summary>
/// <param name="DueAt">When it is charged; for a transfer, until when it has to arrive.</param>
public sealed record CollectionTerms(bool IsTransfer, string? Provider, DateTimeOffset DueAt)
{
    /// <param name="agreed">charge or transfer; null: as configured.</param>
    /// <param name="paymentDays">Agreed with the tenant; null: as configured.</param>
    /// <param name="now">The day of issue.</param>
    public static CollectionTerms Of(string? agreed, int? paymentDays, CollectionSettings settings, BillingPeriod period, DateTimeOffset now)
    {
        var (atOnce, planned) = (AtOnce(agreed, paymentDays, settings, now), period.EndsAt + new CyclePolicy().Charge);
        return atOnce.IsTransfer || planned <= now ? atOnce : atOnce with { DueAt = planned };
    }

    /// <summary>Of an invoice that is charged when it is written.</summary>
    public static CollectionTerms AtOnce(string? agreed, int? paymentDays, CollectionSettings settings, DateTimeOffset now) =>
        settings.Provider is not { } provider || agreed == "transfer"
            ? new CollectionTerms(IsTransfer: true, null, EndOfDay(now.AddDays(paymentDays ?? settings.PaymentDays)))
            : new CollectionTerms(IsTransfer: false, provider, now);

    // The invoice names the day, and who pays on it pays in time.
    static DateTimeOffset EndOfDay(DateTimeOffset at) => new DateTimeOffset(at.UtcDateTime.Date, TimeSpan.Zero).AddDays(1).AddSeconds(-1);
}
