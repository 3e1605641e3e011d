using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Billing.Invoices;

public class InvoiceCalculationTests
{
    static readonly PeriodTerms Basic = new("Basic", 9.90m, 1_000_000, 0.01m);
    static readonly BillingPeriod January = BillingPeriod.Of(new DateOnly(2026, 1, 1), 1);
    static readonly BillingPeriod February = BillingPeriod.Of(new DateOnly(2026, 1, 1), 2);

    [Fact]
    public void Tokens_beyond_the_included_ones_are_overage_at_the_rate()
    {
        var lines = Lines(January, Basic, 1_234_567, []);

        Assert.Equal([LineKind.Base, LineKind.Included, LineKind.Overage], lines.Select(line => line.Kind));
        Assert.Equal([9.90m, 0m, 2.35m], lines.Select(line => line.Amount));
        Assert.Equal([0L, 1_000_000, 234_567], lines.Select(line => line.Tokens));
        Assert.Equal("Basic plan, 1 January 2026 to 31 January 2026", lines[0].Description);
    }

    [Fact]
    public void Usage_within_the_allowance_costs_the_base_charge_only() =>
        Assert.Equal(9.90m, Lines(January, Basic, 1_000_000, []).Sum(line => line.Amount));

    [Fact]
    public void An_unlimited_plan_has_no_overage() =>
        Assert.Equal(1000m, Lines(January, new PeriodTerms("Enterprise", 1000m, null, 0.01m), 5_000_000_000, []).Sum(line => line.Amount));

    [Fact]
    public void Late_usage_has_its_own_line_and_uses_the_remaining_allowance_of_its_period()
    {
        var late = new LateUsage(January, Bills.Whole(January, Basic), Billed: [900_000], Late: [300_000]);

        var line = Assert.Single(Lines(February, Basic, 0, [late]), line => line.Kind == LineKind.Late);
        Assert.Equal((300_000, 200_000m, 2.00m), (line.Tokens, line.Quantity, line.Amount));
        Assert.Equal("Late usage of 1 January 2026 to 31 January 2026: 300,000 tokens, 100,000 of them within its allowance", line.Description);
    }

    [Fact]
    public void Every_token_beyond_the_allowance_is_charged_once_however_late_it_is_reported() =>
        Prop.ForAll(Gen.Choose(0, 3_000_000).ToArbitrary(), Gen.Choose(0, 3_000_000).ToArbitrary(), Gen.Choose(0, 3_000_000).ToArbitrary(), (inTime, late, later) =>
        {
            var first = Lines(January, Basic, inTime, []);
            var second = Lines(February, Basic, 0, [new LateUsage(January, Bills.Whole(January, Basic), [inTime], [late])]);
            var third = Lines(February, Basic, 0, [new LateUsage(January, Bills.Whole(January, Basic), [inTime + late], [later])]);
            var lines = first.Concat(second).Concat(third).ToList();
            return lines.Sum(line => line.Tokens) == (long)inTime + late + later
                && lines.Where(line => line.Kind is LineKind.Overage or LineKind.Late).Sum(line => line.Quantity) == Math.Max(0, (long)inTime + late + later - 1_000_000);
        }).QuickCheckThrowOnFailure();

    static IReadOnlyList<InvoiceLine> Lines(BillingPeriod period, PeriodTerms terms, long used, IReadOnlyList<LateUsage> late) =>
        InvoiceCalculation.Lines(period, Bills.Whole(period, terms), [used], late);
}
