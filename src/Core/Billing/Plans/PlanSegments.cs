using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Plans;

/// <summary>Segments with one that is only proposed.</summary>
static class PlanSegments
{
    /// <summary>As they would be stored: see <see cref="SubscriptionHistory.StartSegmentAsync"/>.</summary>
    public static IReadOnlyList<SubscriptionSegment> With(IReadOnlyList<SubscriptionSegment> segments, Subscription subscription, SubscriptionSegment proposed)
    {
        var stored = segments.Count > 0
            ? segments.ToList()
            :
            [
                new SubscriptionSegment(
                    BillingPeriod.Of(subscription.Anchor, 1).StartsAt, subscription.Plan,
                    new AgreedTerms(subscription.AgreedEurPerMonth, subscription.AgreedOverageEurPerThousand), null, SegmentReason.Started),
            ];
        if (subscription is { Status: "ended", EndedAt: { } endedAt } && endedAt < proposed.StartsAt)
        {
            stored.Add(new SubscriptionSegment(endedAt.ToWholeSeconds(), null, new AgreedTerms(), null, SegmentReason.Paused));
        }

        stored.RemoveAll(segment => segment.StartsAt == proposed.StartsAt);
        return [.. stored, proposed];
    }
}
