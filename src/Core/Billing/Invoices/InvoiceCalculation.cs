using System.Globalization;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>The lines of an invoice before discounts: per segment its base charge, tokens within the allowance and overage; minimum; late usage. Pure.</summary>
public static class InvoiceCalculation
{
    /// <param name="segments">Of the period, without gaps (<see cref="PeriodSegments.Of"/>).</param>
    /// <param name="used">Tokens used in each segment.</param>
    /// <param name="interim">Overage that is on interim invoices; null: none.</param>
    public static IReadOnlyList<InvoiceLine> Lines(
        BillingPeriod period, IReadOnlyList<PeriodSegment> segments, IReadOnlyList<long> used, IEnumerable<LateUsage> late, IReadOnlyList<InterimOverage>? interim = null)
    {
        var lines = new List<InvoiceLine>();
        foreach (var ((segment, tokens), allowance) in segments.Zip(used).Zip(Allowance.Of(segments, used)))
        {
            ArgumentOutOfRangeException.ThrowIfNegative(tokens);
            lines.AddRange((segment.Terms is { } terms ? Charged(period, segment, terms, tokens, allowance, interim ?? []) : Free(segment, tokens)).Select(line => For(line, period, segment)));
        }

        if (Commitment(period, segments, used) is { Missing: > 0 } commitment)
        {
            lines.Add(For(commitment.Line(commitment.Missing), period, commitment.Last));
        }

        lines.AddRange(late.OrderBy(l => l.Period.Number).SelectMany(LateLines));
        return lines;
    }

    static IEnumerable<InvoiceLine> Charged(
        BillingPeriod period, PeriodSegment segment, PeriodTerms terms, long tokens, (long? Available, long CarriedOver, long Overage) allowance,
        IReadOnlyList<InterimOverage> interim)
    {
        yield return new(LineKind.Base, $"{terms.PlanTitle} plan, {segment.Stretch}", 0, Months(period, segment), terms.EurPerMonth, BaseCharge(period, segment, terms));
        yield return new(LineKind.Included, Included(allowance), tokens - allowance.Overage, tokens - allowance.Overage, 0, 0);
        if (InterimCalculation.Rest(segment, allowance.Overage, interim) is var rest && rest != (0, 0))
        {
            var text = rest.Tokens == allowance.Overage ? "Tokens beyond the allowance" : "Tokens beyond the allowance that are on no interim invoice";
            yield return new(LineKind.Overage, text, rest.Tokens, rest.Tokens, terms.OverageEurPerThousand ?? 0, rest.Amount);
        }
    }

    static IEnumerable<InvoiceLine> Free(PeriodSegment segment, long tokens) =>
        tokens == 0 ? [] : [new(LineKind.Included, segment.Plan is null ? "Tokens while the subscription was paused" : "Tokens during the trial", tokens, tokens, 0, 0)];

    /// <summary>Whole: 1. Otherwise the share of the period by the second.</summary>
    static decimal Months(BillingPeriod period, PeriodSegment segment) => Math.Round((decimal)segment.Seconds / SecondsOf(period), 6, MidpointRounding.AwayFromZero);

    static decimal BaseCharge(BillingPeriod period, PeriodSegment segment, PeriodTerms terms) => Money.ToCents(terms.EurPerMonth * segment.Seconds / SecondsOf(period));

    static long SecondsOf(BillingPeriod period) => period.Days * 86_400L;

    // Late tokens cost what they would have added to the invoice of their own period, whichever segments they add it in.
    static IEnumerable<InvoiceLine> LateLines(LateUsage late)
    {
        var all = late.Billed.Zip(late.Late, (billed, reported) => checked(billed + reported)).ToList();
        var charged = Allowance.Overage(late.Segments, all).Zip(Allowance.Overage(late.Segments, late.Billed), (after, before) => after - before);
        foreach (var ((segment, tokens), overage) in late.Segments.Zip(late.Late).Zip(charged))
        {
            if (tokens > 0 || overage > 0)
            {
                var rate = segment.Terms?.OverageEurPerThousand ?? 0;
                yield return For(new InvoiceLine(LineKind.Late, LateText(segment, tokens, overage), tokens, overage, rate, Money.OfTokens(overage, rate)), late.Period, segment);
            }
        }

        // In time, they would have counted towards the minimum that was charged instead.
        if (Commitment(late.Period, late.Segments, late.Billed) is { Missing: > 0 } before && Commitment(late.Period, late.Segments, all) is { } after && after.Missing < before.Missing)
        {
            yield return For(before.Line(Math.Max(0, after.Missing) - before.Missing), late.Period, before.Last);
        }
    }

    static string LateText(PeriodSegment segment, long tokens, long overage) => FormattableString.Invariant((tokens - overage) switch
    {
        > 0 and var within => $"Late usage of {segment.Stretch}: {tokens:N0} tokens, {within:N0} of them within its allowance",
        0 => $"Late usage of {segment.Stretch}",
        _ => $"Late usage of {segment.Stretch}: {overage:N0} tokens that its allowance no longer covers",
    });

    /// <param name="Missing">What the minimum exceeds base charge and overage by, EUR; negative: it is reached.</param>
    sealed record MinimumCharge(decimal Minimum, decimal Missing, PeriodSegment Last)
    {
        public InvoiceLine Line(decimal amount) => new(
            LineKind.Minimum, string.Create(CultureInfo.InvariantCulture, $"{(amount < 0 ? "Less: up to" : "Up to")} the agreed minimum of {Minimum:N2} EUR"), 0, 1, amount, amount);
    }

    /// <returns>null when no segment has a minimum.</returns>
    static MinimumCharge? Commitment(BillingPeriod period, IReadOnlyList<PeriodSegment> segments, IReadOnlyList<long> used)
    {
        var committed = segments.Zip(Allowance.Overage(segments, used)).Where(segment => segment.First.Terms?.MinimumEur is not null).ToList();
        if (committed.Count == 0)
        {
            return null;
        }

        var minimum = committed.Sum(segment => Money.ToCents(segment.First.Terms!.MinimumEur!.Value * segment.First.Seconds / SecondsOf(period)));
        var charged = committed.Sum(segment => BaseCharge(period, segment.First, segment.First.Terms!) + Money.OfTokens(segment.Second, segment.First.Terms!.OverageEurPerThousand ?? 0));
        return new MinimumCharge(minimum, minimum - charged, committed[^1].First);
    }

    static string Included((long? Available, long CarriedOver, long Overage) allowance) => FormattableString.Invariant(allowance switch
    {
        { Available: null } => $"Tokens, unlimited",
        { CarriedOver: 0 } => $"Tokens within the allowance of {allowance.Available:N0}",
        _ => $"Tokens within the allowance of {allowance.Available:N0}, {allowance.CarriedOver:N0} of them left over from the previous plan",
    });

    internal static InvoiceLine For(InvoiceLine line, BillingPeriod period, PeriodSegment segment) => line with
    {
        OfPeriod = period.Number,
        SegmentFrom = segment.From,
        SegmentTo = segment.To,
        Plan = segment.Plan,
        TermsFrom = segment.Terms?.InForceFrom,
    };
}
