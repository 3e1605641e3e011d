namespace ControlPlane.Tests.Billing.Invoices;

/// <summary>Builds the facts of invoices for tests: a subscription of 1 March 2026 and the plans of the catalog.</summary>
static class Bills
{
    public static readonly DateOnly Anchor = new(2026, 3, 1);
    public static readonly BillingPeriod March = BillingPeriod.Of(Anchor, 1);
    public static readonly BillingPeriod April = BillingPeriod.Of(Anchor, 2);
    static readonly DateTimeOffset Since = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static readonly Dictionary<string, PlanPrices> Plans = new()
    {
        ["trial"] = new("Trial", Since, 0, IsTrial: true, 100_000, MonthIsHard: true, null),
        ["basic"] = new("Basic", Since, 9.90m, IsTrial: false, 1_000_000, MonthIsHard: false, 0.01m),
        ["premium"] = new("Premium", Since, 49.90m, IsTrial: false, 10_000_000, MonthIsHard: false, 0.008m),
        ["enterprise"] = new("Enterprise", Since, null, IsTrial: false, null, MonthIsHard: false, null),
    };

    public static readonly TaxRateTable Rates = new([
        new("DE", "standard", new DateOnly(2024, 1, 1), 19), new("DE", "standard", new DateOnly(2026, 4, 1), 16), new("DE", "reduced", new DateOnly(2024, 1, 1), 7),
        new("FR", "standard", new DateOnly(2024, 1, 1), 20), new("EE", "standard", new DateOnly(2024, 1, 1), 22), new("EE", "standard", new DateOnly(2025, 7, 1), 24)]);

    public static readonly Seller Untaxed = new("Seller", [], "DE", null, "billing@example.com", "INV-", null);
    public static readonly Seller German = Untaxed with { Regime = TaxRegime.Regular, TaxPercent = new TaxRates(19, null, null) };

    static int _ids;

    public static Guid NewId() => new(Interlocked.Increment(ref _ids), 0, 0, new byte[8]);

    public static Subscription Subscription(string plan = "basic") => new(Guid.Empty, plan, "active", default, Anchor, null, 1, null, null);

    /// <param name="changes">"2026-04-16T00:00Z premium"; a dash for a pause.</param>
    public static IReadOnlyList<PeriodSegment> Segments(BillingPeriod period, params string[] changes) =>
        [.. PeriodSegments.Of(Subscription(), Changes(changes), period).Select(segment => segment.At(segment.Plan is null ? null : Plans[segment.Plan]))];

    public static IReadOnlyList<SubscriptionSegment> Changes(params string[] changes) =>
    [
        .. changes.Select(change => change.Split(' ')).Select(change => new SubscriptionSegment(
            DateTimeOffset.Parse(change[0], System.Globalization.CultureInfo.InvariantCulture), change[1] == "-" ? null : change[1], new AgreedTerms(), null, SegmentReason.Changed)),
    ];

    public static IReadOnlyList<PeriodSegment> Whole(BillingPeriod period, PeriodTerms terms) =>
        [new PeriodSegment(PeriodSegments.StartOf(period), period.EndsAt, terms.PlanTitle.ToLowerInvariant(), terms)];

    /// <summary>March of a basic plan with 1,234,567 tokens: 9.90 and 2.35.</summary>
    public static InvoiceFacts Facts(Seller seller, long used = 1_234_567) => new()
    {
        Subscription = Subscription(),
        Period = March,
        Segments = Segments(March, "2026-03-01T00:00Z basic"),
        Used = [used],
        Seller = seller,
        Buyer = new Buyer("Acme", "DE", null),
        Rates = Rates,
        IssuedAt = March.EndsAt,
    };
}
