using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Billing.Invoices;

/// <summary>Overage that is billed before its period ends. March of a basic plan: 9.90, a million tokens, 0.01 for a thousand more.</summary>
public class InterimTests
{
    [Fact]
    public void An_interim_invoice_bills_the_overage_so_far_and_the_final_one_the_rest()
    {
        var first = InvoiceDraft.OfOverage(Bills.Facts(Bills.German, used: 1_600_000)).Invoice;
        Assert.Equal(("interim", 6.00m, 1.14m, 7.14m), (first.Kind, first.NetAmount, first.Tax, first.TotalAmount));
        Assert.Equal((600_000, 600_000, 0m), (first.TokenUsage, first.OverageTokens, first.BaseCharge));

        var final = InvoiceDraft.Of(Bills.Facts(Bills.German, used: 1_700_000) with { Interim = Of([first]) }).Invoice;
        Assert.Equal((10.90m, 1_100_000, 100_000), (final.NetAmount, final.TokenUsage, final.OverageTokens));
        Assert.Empty(InvoiceDraft.OfOverage(Bills.Facts(Bills.German, used: 1_600_000) with { Interim = Of([first]) }).Invoice.Lines);
    }

    [Fact]
    public void What_discounts_will_pay_for_is_left_to_the_final_invoice()
    {
        var facts = Bills.Facts(Bills.German, used: 3_000_000) with
        {
            Coupons = [new RedeemedCoupon("TEN", 10, null), new RedeemedCoupon("THREE", null, 3)],
            Adjustments = [new Adjustment(Bills.NewId(), AdjustmentKind.Goodwill, "Sorry", 2)],
        };
        var interim = InvoiceDraft.OfOverage(facts);
        Assert.Equal([(LineKind.Overage, 15.00m), (LineKind.Coupon, -1.50m)], interim.Invoice.Lines.Select(line => (line.Kind, line.Amount)));
        Assert.Empty(interim.Used);
        // Not used up: only the final invoice counts.
        Assert.Empty(interim.Coupons);

        var final = InvoiceDraft.Of(facts with { Interim = Of([interim.Invoice]) }).Invoice;
        Assert.Equal(InvoiceDraft.Of(facts).Invoice.NetAmount, interim.Invoice.NetAmount + final.NetAmount);
    }

    [Fact]
    public void Who_has_a_coupon_of_100_percent_gets_no_interim_invoice() => Assert.Equal(
        0, InvoiceDraft.OfOverage(Bills.Facts(Bills.German, used: 3_000_000) with { Coupons = [new RedeemedCoupon("FREE", 100, null)] }).Invoice.NetAmount);

    [Fact]
    public void All_invoices_of_a_period_together_bill_what_one_would_have_billed() => Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
    {
        var random = new System.Random(seed);
        var billed = new List<InterimOverage>();
        var segments = Bills.Segments(Bills.March, "2026-03-01T00:00Z basic");
        long[] used = [0];
        for (var step = 0; step < 12; step++)
        {
            if (step == 6 && random.Next(2) == 0)
            {
                // An upgrade cuts the segment short, with what it has billed.
                segments = Bills.Segments(Bills.March, "2026-03-01T00:00Z basic", "2026-03-16T10:30:07Z premium");
                used = [used[0], 0];
            }

            // Late usage may be of the segment before.
            used[random.Next(used.Length)] += random.Next(3_000_000);
            var lines = InterimCalculation.Lines(Bills.March, segments, used, billed, covered: random.Next(2) * random.Next(2_000) / 100m);
            Assert.All(lines, line => Assert.True(line.Tokens > 0 && line.Amount >= 0 && Math.Abs(line.Amount - (line.Quantity * line.UnitPrice / 1000)) <= 0.01m));
            billed.AddRange(lines.Select(Of));
        }

        var (one, final) = (InvoiceCalculation.Lines(Bills.March, segments, used, []), InvoiceCalculation.Lines(Bills.March, segments, used, [], billed));
        return one.Sum(line => line.Amount) == final.Sum(line => line.Amount) + billed.Sum(interim => interim.Amount)
            && one.Sum(line => line.Tokens) == final.Sum(line => line.Tokens) + billed.Sum(interim => interim.Tokens)
            && final.All(line => line.Tokens >= 0 && line.Amount >= 0);
    }).QuickCheckThrowOnFailure();

    static List<InterimOverage> Of(IEnumerable<Invoice> invoices) => [.. invoices.SelectMany(invoice => invoice.Lines).Where(line => line.Kind == LineKind.Overage).Select(Of)];

    static InterimOverage Of(InvoiceLine line) => new(line.SegmentFrom!.Value, line.Tokens, line.Amount);
}
