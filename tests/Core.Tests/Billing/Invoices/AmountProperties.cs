using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Billing.Invoices;

/// <summary>Rules that hold for every subscription: random changes of plan, usage in time and late, discounts and balances.</summary>
public class AmountProperties
{
    static readonly string[] PlanNames = ["trial", "basic", "premium", "enterprise", "-"];

    /// <summary>A period with some changes of plan, at any second, in the order of time.</summary>
    static Gen<IReadOnlyList<PeriodSegment>> Segments =>
        from count in Gen.Choose(0, 5)
        from seconds in Gen.Choose(-1_000_000, (31 * 86_400) + 1_000_000).ListOf(count)
        from first in Gen.Choose(0, PlanNames.Length - 1)
        from plans in Gen.Choose(0, PlanNames.Length - 1).ListOf(count)
        select Bills.Segments(Bills.March, [
            $"2026-03-01T00:00Z {PlanNames[first]}",
            .. seconds.Where(second => second > 0).Distinct().Order().Zip(plans)
                .Select(change => $"{PeriodSegments.StartOf(Bills.March).AddSeconds(change.First):yyyy-MM-ddTHH:mm:ssZ} {PlanNames[change.Second]}")]);

    static Gen<(IReadOnlyList<PeriodSegment> Segments, List<long> InTime, List<long> Late)> Usage =>
        from segments in Segments
        from inTime in Gen.Choose(0, 12_000_000).ListOf(segments.Count)
        from late in Gen.Choose(0, 3_000_000).ListOf(segments.Count)
        select (segments, inTime.Select(tokens => (long)tokens).ToList(), late.Select(tokens => (long)tokens).ToList());

    [Fact]
    public void Segments_fill_the_period_without_gaps_and_their_allowances_are_no_more_than_the_largest() =>
        Prop.ForAll(Segments.ToArbitrary(), segments =>
            segments.Sum(segment => segment.Seconds) == 31 * 86_400
            && segments.Zip(segments.Skip(1)).All(pair => pair.First.To == pair.Second.From)
            && Allowance.Of(segments, [.. segments.Select(_ => 0L)]).Max(allowance => allowance.Available ?? 0) <= segments.Max(segment => segment.Terms?.IncludedTokens ?? 0))
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Usage_costs_the_same_whether_it_is_reported_in_time_or_late() =>
        Prop.ForAll(Usage.ToArbitrary(), usage =>
        {
            var all = usage.InTime.Zip(usage.Late, (inTime, late) => inTime + late).ToList();
            var inTime = Lines(usage.Segments, all, []);
            var late = Lines(usage.Segments, usage.InTime, [new LateUsage(Bills.March, usage.Segments, usage.InTime, usage.Late)]);
            // Each line is rounded once, so two lines for one may differ by a cent.
            return inTime.Sum(line => line.Tokens) == late.Sum(line => line.Tokens)
                && Charged(inTime) == Charged(late)
                && Math.Abs(inTime.Sum(line => line.Amount) - late.Sum(line => line.Amount)) <= 0.01m * usage.Segments.Count;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void More_usage_never_costs_less() =>
        Prop.ForAll(Usage.ToArbitrary(), usage =>
            Lines(usage.Segments, [.. usage.InTime.Zip(usage.Late, (inTime, late) => inTime + late)], []).Sum(line => line.Amount)
            >= Lines(usage.Segments, usage.InTime, []).Sum(line => line.Amount)).QuickCheckThrowOnFailure();

    [Fact]
    public void Sums_taxes_and_settlements_of_every_invoice_agree() =>
        Prop.ForAll(Usage.ToArbitrary(), Gen.Choose(-2_000, 2_000).ListOf(4).ToArbitrary(), (usage, cents) =>
        {
            var facts = Bills.Facts(Bills.German with { TaxPercent = null }) with
            {
                Segments = usage.Segments,
                Used = usage.InTime,
                Late = [new LateUsage(BillingPeriod.Of(Bills.Anchor, 2), usage.Segments, usage.InTime, usage.Late)],
                Adjustments =
                [
                    .. cents.Where(cent => cent != 0).Select(cent => new Adjustment(Bills.NewId(), AdjustmentKind.Manual, "manual", cent / 100m, cent % 2 == 0 ? "standard" : "reduced")),
                    .. cents.Where(cent => cent > 0).Select(cent => new Adjustment(Bills.NewId(), AdjustmentKind.Goodwill, "goodwill", cent / 100m)),
                ],
                Coupons = [.. cents.Where(cent => cent > 0).Select(cent => new RedeemedCoupon("C", cent % 100 + 0.5m, null))],
                Balance = cents[0] / 100m,
            };
            var (invoice, collection, used, _) = InvoiceDraft.Of(facts);
            return invoice.NetAmount == invoice.Lines.Sum(line => line.Amount)
                && invoice.NetAmount == invoice.Taxes.Sum(tax => tax.Taxable)
                && invoice.Tax == invoice.Taxes.Sum(tax => tax.Tax)
                && invoice.Taxes.All(tax => tax.Taxable >= 0 && tax.Tax == Money.ToCents(tax.Taxable * tax.Rate))
                && facts.Adjustments.All(adjustment => Math.Abs(used.GetValueOrDefault(adjustment.Id)) <= Math.Abs(adjustment.Remaining))
                && invoice.TotalAmount == collection.BalanceUsed + collection.Carried + collection.WrittenOff + collection.ToPay
                && collection.ToPay is 0 or >= 0.50m
                && CreditNoteAmounts.Rest(invoice, [])?.Total == (invoice.TotalAmount == 0 ? null : invoice.TotalAmount);
        }).QuickCheckThrowOnFailure();

    static IReadOnlyList<InvoiceLine> Lines(IReadOnlyList<PeriodSegment> segments, IReadOnlyList<long> used, IReadOnlyList<LateUsage> late) =>
        InvoiceCalculation.Lines(Bills.March, segments, used, late);

    static decimal Charged(IEnumerable<InvoiceLine> lines) => lines.Where(line => line.Kind is LineKind.Overage or LineKind.Late).Sum(line => line.Quantity);
}
