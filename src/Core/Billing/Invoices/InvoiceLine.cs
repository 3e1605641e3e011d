namespace ControlPlane.Billing.Invoices;

public enum LineKind
{
    Base,
    Included,
    Overage,
    Late,
    Minimum,
    Manual,
    TopUp,
    Coupon,
    Goodwill,
    Prepaid,
}

/// <param name="Tokens">Tokens on this line. The sum over all lines is the invoice's usage.</param>
/// <param name="Quantity">Units charged: months on the base line, tokens on lines of usage, otherwise 1.</param>
/// <param name="UnitPrice">EUR per month, per 1,000 tokens, or the amount itself.</param>
/// <param name="Amount">EUR, cents; negative when it reduces the invoice.</param>
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
