using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>Overage of a running period that interim invoices have billed.</summary>
/// <param name="SegmentFrom">The start of its segment.</param>
/// <param name="Tokens">Beyond the allowance.</param>
public sealed record InterimOverage(DateTimeOffset SegmentFrom, long Tokens, decimal Amount);

/// <summary>
/// Divides the overage of a period between its interim invoices and the final one. What the invoices of a segment have billed so far is always the rounded price of
/// its tokens so far, so all of them together are what one invoice would have billed, to the cent. Pure.
/// </summary>
public static class InterimCalculation
{
    /// <summary>What is left to bill of a segment's overage. Negative when the segment became shorter after it was billed.</summary>
    public static (long Tokens, decimal Amount) Rest(PeriodSegment segment, long overage, IEnumerable<InterimOverage> billed)
    {
        var mine = billed.Where(interim => interim.SegmentFrom >= segment.From && interim.SegmentFrom < segment.To).ToList();
        return (overage - mine.Sum(interim => interim.Tokens), Money.OfTokens(overage, segment.Terms?.OverageEurPerThousand ?? 0) - mine.Sum(interim => interim.Amount));
    }

    /// <summary>The lines of an interim invoice: the overage so far that no earlier one has billed.</summary>
    /// <param name="covered">EUR of overage that discounts of the final invoice will pay for: it is left to that.</param>
    public static IReadOnlyList<InvoiceLine> Lines(
        BillingPeriod period, IReadOnlyList<PeriodSegment> segments, IReadOnlyList<long> used, IReadOnlyList<InterimOverage> billed, decimal covered)
    {
        var lines = new List<InvoiceLine>();
        foreach (var (segment, overage) in segments.Zip(Allowance.Overage(segments, used)).Reverse())
        {
            var rest = Rest(segment, overage, billed);
            if (segment.Terms?.OverageEurPerThousand is not > 0 || rest.Tokens <= 0)
            {
                continue;
            }

            var rate = segment.Terms.OverageEurPerThousand.Value;
            var left = Math.Min(rest.Tokens, (long)Math.Ceiling(covered * 1000 / rate));
            covered = Math.Max(0, covered - Money.OfTokens(left, rate));
            var (tokens, amount) = Rest(segment, overage - left, billed);
            if (tokens > 0)
            {
                lines.Add(InvoiceCalculation.For(
                    new InvoiceLine(LineKind.Overage, $"Tokens beyond the allowance, {segment.Stretch}, so far", tokens, tokens, rate, amount), period, segment));
            }
        }

        lines.Reverse();
        return lines;
    }
}
