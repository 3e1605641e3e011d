using System.Globalization;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>Prices of a subscription in one period.</summary>
/// <param name="EurPerMonth">EUR.</param>
/// <param name="IncludedTokens">null: unlimited.</param>
/// <param name="OverageEurPerThousand">EUR per 1,000 tokens beyond the included ones; null: there is no overage.</param>
public sealed record PeriodTerms(string PlanTitle, decimal EurPerMonth, long? IncludedTokens, decimal? OverageEurPerThousand)
{
    /// <summary>Tokens that are charged when <paramref name="used"/> were used.</summary>
    public long OverageOf(long used) =>
        IncludedTokens is { } included && OverageEurPerThousand is not null ? Math.Max(0, used - included) : 0;
}

/// <summary>Usage of an invoiced period that was reported after its invoice.</summary>
/// <param name="BilledTokens">Tokens of that period on earlier invoices.</param>
/// <param name="LateTokens">Tokens reported since.</param>
public sealed record LateUsage(BillingPeriod Period, PeriodTerms Terms, long BilledTokens, long LateTokens);

public enum LineKind
{
    Base,
    Included,
    Overage,
    Late,
    Minimum,
    Manual,
    Coupon,
    Goodwill,
    Prepaid,
}

/// <param name="Tokens">Tokens on this line. The sum over all lines is the invoice's usage.</param>
/// <param name="Quantity">Units charged: months on the base line, tokens otherwise.</param>
/// <param name="UnitPrice">EUR per month, or per 1,000 tokens.</param>
/// <param name="Amount">EUR, cents.</param>
public sealed record InvoiceLine(LineKind Kind, string Description, long Tokens, decimal Quantity, decimal UnitPrice, decimal Amount)
{
    /// <summary>The period and segment that the line was computed for; null where it is for none.</summary>
    public int? OfPeriod { get; init; }
    public DateTimeOffset? SegmentFrom { get; init; }
    public DateTimeOffset? SegmentTo { get; init; }
    /// <summary>The plan, and since when the version of its terms that priced the line is in force.</summary>
    public string? Plan { get; init; }
    public DateTimeOffset? TermsFrom { get; init; }
    /// <summary>As in <see cref="InvoiceTax"/>; null: no tax is configured.</summary>
    public string? TaxCategory { get; init; }
    public decimal? TaxRate { get; init; }
    public Guid? Adjustment { get; init; }
}

/// <summary>The lines of an invoice: base charge, tokens within the allowance, overage, late usage. Pure.</summary>
public static class InvoiceCalculation
{
    public static IReadOnlyList<InvoiceLine> Lines(BillingPeriod period, PeriodTerms terms, long usedTokens, IEnumerable<LateUsage> late)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(usedTokens);
        var overage = terms.OverageOf(usedTokens);
        var lines = new List<InvoiceLine>
        {
            new(LineKind.Base, $"{terms.PlanTitle} plan, {Days(period)}", 0, 1, terms.EurPerMonth, Money.ToCents(terms.EurPerMonth)),
            new(LineKind.Included, Allowance(terms), usedTokens - overage, usedTokens - overage, 0, 0),
        };
        if (overage > 0)
        {
            var rate = terms.OverageEurPerThousand!.Value;
            lines.Add(new InvoiceLine(LineKind.Overage, "Tokens beyond the allowance", overage, overage, rate, Money.OfTokens(overage, rate)));
        }

        lines.AddRange(late.Where(l => l.LateTokens > 0).OrderBy(l => l.Period.Number).Select(LateLine));
        return lines;
    }

    // Late tokens cost what they would have added to the invoice of their own period.
    static InvoiceLine LateLine(LateUsage late)
    {
        var charged = late.Terms.OverageOf(late.BilledTokens + late.LateTokens) - late.Terms.OverageOf(late.BilledTokens);
        var rate = late.Terms.OverageEurPerThousand ?? 0;
        var within = late.LateTokens - charged;
        var description = within > 0
            ? string.Create(CultureInfo.InvariantCulture, $"Late usage of {Days(late.Period)}: {late.LateTokens:N0} tokens, {within:N0} of them within its allowance")
            : $"Late usage of {Days(late.Period)}";
        return new InvoiceLine(LineKind.Late, description, late.LateTokens, charged, rate, Money.OfTokens(charged, rate));
    }

    static string Allowance(PeriodTerms terms) =>
        terms.IncludedTokens is { } included
            ? string.Create(CultureInfo.InvariantCulture, $"Tokens within the allowance of {included:N0}")
            : "Tokens, unlimited";

    static string Days(BillingPeriod period) =>
        string.Create(CultureInfo.InvariantCulture, $"{period.Start:d MMMM yyyy} to {period.End.AddDays(-1):d MMMM yyyy}");
}
