using System.Globalization;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>A stretch of a period in which one plan was in force: [<see cref="From"/>, <see cref="To"/>).</summary>
/// <param name="Plan">null: the subscription was paused.</param>
/// <param name="Terms">null: nothing is charged and no allowance follows from it, in a trial or while paused.</param>
public sealed record PeriodSegment(DateTimeOffset From, DateTimeOffset To, string? Plan, PeriodTerms? Terms)
{
    public long Seconds => (long)(To - From).TotalSeconds;

    /// <summary>First and last day, with the time of day where the segment does not start or end at midnight.</summary>
    public string Stretch => $"{Instant(From, From)} to {Instant(To, To.AddDays(-1))}";

    static string Instant(DateTimeOffset at, DateTimeOffset day) => at.UtcDateTime.TimeOfDay == TimeSpan.Zero
        ? day.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)
        : at.UtcDateTime.ToString(at.Second == 0 ? "d MMMM yyyy, HH:mm 'UTC'" : "d MMMM yyyy, HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}

/// <summary>What was agreed for a segment, before the plan's terms are looked up.</summary>
public sealed record AgreedSegment(DateTimeOffset From, DateTimeOffset To, string? Plan, AgreedTerms Agreed, decimal? MinimumEur)
{
    /// <param name="terms">Those of <see cref="Plan"/> that were in force at <see cref="From"/>; null: paused.</param>
    public PeriodSegment At(PlanPrices? terms) => new(From, To, Plan, terms is null or { IsTrial: true } ? null : new PeriodTerms(
        terms.Title, Agreed.EurPerMonth ?? terms.EurPerMonth ?? 0, Agreed.TokensPerMonth ?? terms.TokensPerMonth,
        terms.MonthIsHard ? null : Agreed.OverageEurPerThousand ?? terms.OverageEurPerThousand)
    {
        MinimumEur = MinimumEur,
        InForceFrom = terms.InForceFrom,
    });
}

/// <summary>The prices among a plan's terms.</summary>
/// <param name="EurPerMonth">null: agreed with each customer.</param>
public sealed record PlanPrices(
    string Title, DateTimeOffset InForceFrom, decimal? EurPerMonth, bool IsTrial, long? TokensPerMonth, bool MonthIsHard, decimal? OverageEurPerThousand);

/// <summary>Cuts periods into segments. Pure.</summary>
public static class PeriodSegments
{
    /// <summary>
    /// The segments of a period, in order and without gaps. The first one of a subscription has begun with its first period, and takes what is dated before
    /// it. Neighbours with the same plan and terms are one.
    /// </summary>
    /// <param name="segments">Of the subscription, by their start; none: the plan has been the same since the anchor.</param>
    public static IReadOnlyList<AgreedSegment> Of(Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period)
    {
        if (segments.Count == 0)
        {
            return [new AgreedSegment(StartOf(period), period.EndsAt, subscription.Plan, new AgreedTerms(subscription.AgreedEurPerMonth, subscription.AgreedOverageEurPerThousand), null)];
        }

        var found = new List<AgreedSegment>();
        foreach (var (index, segment) in segments.Index())
        {
            var from = index == 0 ? StartOf(period) : Later(segment.StartsAt, StartOf(period));
            var to = index + 1 < segments.Count && segments[index + 1].StartsAt < period.EndsAt ? segments[index + 1].StartsAt : period.EndsAt;
            if (from >= to)
            {
                continue;
            }

            var next = new AgreedSegment(from, to, segment.Plan, segment.Agreed, segment.MinimumEur);
            if (found is [.., var last] && last == next with { From = last.From, To = last.To })
            {
                found[^1] = last with { To = to };
            }
            else
            {
                found.Add(next);
            }
        }

        return found;
    }

    /// <summary>The instants at which periods and segments start, up to the end of a period: the boundaries that usage is totalled by.</summary>
    public static IReadOnlyList<DateTimeOffset> Boundaries(Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod last) =>
        [.. Enumerable.Range(1, last.Number).SelectMany(number => Of(subscription, segments, BillingPeriod.Of(subscription.Anchor, number))).Select(segment => segment.From)];

    public static DateTimeOffset StartOf(BillingPeriod period) => new(period.Start, TimeOnly.MinValue, TimeSpan.Zero);

    static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
