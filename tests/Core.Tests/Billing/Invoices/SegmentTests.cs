namespace ControlPlane.Tests.Billing.Invoices;

/// <summary>Plans that change within a period: basic is 9.90 with 1,000,000 tokens and 0.01, premium 49.90 with 10,000,000 and 0.008.</summary>
public class SegmentTests
{
    [Fact]
    public void An_upgrade_an_hour_before_the_end_brings_an_hour_of_allowance()
    {
        var lines = Lines(Bills.March, [1_100_000, 20_000], "2026-03-01T00:00Z basic", "2026-03-31T23:00Z premium");

        Assert.Equal([9.89m, 0m, 1.01m, 0.07m, 0m, 0.05m], lines.Select(line => line.Amount));
        Assert.Equal([0L, 998_655, 101_345, 0, 13_440, 6_560], lines.Select(line => line.Tokens));
        Assert.Equal(11.02m, lines.Sum(line => line.Amount));
        Assert.Equal(
            ["Basic plan, 1 March 2026 to 31 March 2026, 23:00 UTC", "Premium plan, 31 March 2026, 23:00 UTC to 31 March 2026"],
            lines.Where(line => line.Kind == LineKind.Base).Select(line => line.Description));
    }

    [Fact]
    public void What_is_left_of_an_allowance_carries_into_the_next_segment()
    {
        var lines = Lines(Bills.April, [300_000, 5_150_000], "2026-03-01T00:00Z basic", "2026-04-16T00:00Z premium");

        Assert.Equal([4.95m, 0m, 24.95m, 0m], lines.Select(line => line.Amount));
        Assert.Equal("Tokens within the allowance of 5,200,000, 200,000 of them left over from the previous plan", lines[3].Description);
        Assert.Equal("Basic plan, 1 April 2026 to 15 April 2026", lines[0].Description);
    }

    [Fact]
    public void Late_usage_is_charged_in_the_segment_whose_allowance_it_used_up()
    {
        var april = Bills.Segments(Bills.April, "2026-03-01T00:00Z basic", "2026-04-16T00:00Z premium");
        var may = BillingPeriod.Of(Bills.Anchor, 3);

        var lines = InvoiceCalculation.Lines(may, Bills.Segments(may, "2026-03-01T00:00Z premium"), [0], [new LateUsage(Bills.April, april, [300_000, 5_200_000], [100_000, 0])])
            .Where(line => line.Kind == LineKind.Late).ToList();

        Assert.Equal([(100_000L, 0m, 0m), (0L, 100_000m, 0.80m)], lines.Select(line => (line.Tokens, line.Quantity, line.Amount)));
        Assert.Equal(["basic", "premium"], lines.Select(line => line.Plan));
        Assert.Equal("Late usage of 16 April 2026 to 30 April 2026: 100,000 tokens that its allowance no longer covers", lines[1].Description);
    }

    [Fact]
    public void A_trial_that_becomes_a_plan_is_charged_from_then_on()
    {
        var lines = Lines(Bills.March, [80_000, 693_549], "2026-03-01T09:30Z trial", "2026-03-10T12:00Z basic");

        Assert.Equal([(LineKind.Included, 80_000L, 0m), (LineKind.Base, 0, 6.87m), (LineKind.Included, 693_548, 0), (LineKind.Overage, 1, 0)],
            lines.Select(line => (line.Kind, line.Tokens, line.Amount)));
        Assert.Equal("Tokens during the trial", lines[0].Description);
        Assert.Equal(0.693548m, lines[1].Quantity);
    }

    [Fact]
    public void Several_changes_on_one_day_are_counted_by_the_second()
    {
        var lines = Lines(Bills.April, [0, 0, 0], "2026-03-01T00:00Z trial", "2026-04-10T09:00Z basic", "2026-04-10T15:00Z premium");

        Assert.Equal([0.08m, 33.89m], lines.Where(line => line.Kind == LineKind.Base).Select(line => line.Amount));
        Assert.Equal(
            [(null, 0L, 0L), (8_333L, 0, 0), (6_799_999L, 8_333, 0)],
            Allowance.Of(Bills.Segments(Bills.April, "2026-03-01T00:00Z trial", "2026-04-10T09:00Z basic", "2026-04-10T15:00Z premium"), [0, 0, 0]));
    }

    [Fact]
    public void A_change_that_was_undone_leaves_one_base_charge() =>
        Assert.Equal(
            [49.90m, 0m],
            Lines(Bills.April, [0], "2026-03-01T00:00Z premium", "2026-04-10T00:00Z premium").Select(line => line.Amount));

    [Fact]
    public void A_subscription_without_changes_has_had_its_plan_since_the_anchor() =>
        Assert.Equal(
            [(PeriodSegments.StartOf(Bills.April), Bills.April.EndsAt, "basic")],
            PeriodSegments.Of(Bills.Subscription(), [], Bills.April).Select(segment => (segment.From, segment.To, segment.Plan)));

    [Fact]
    public void Who_was_suspended_at_the_start_and_pays_two_days_later_is_charged_from_then_on()
    {
        var lines = Lines(Bills.April, [0, 0], "2026-03-01T00:00Z basic", "2026-04-01T00:00Z -", "2026-04-03T00:00Z basic");

        Assert.Equal([9.24m, 0m], lines.Select(line => line.Amount));
        Assert.Equal("Tokens within the allowance of 933,333", lines[1].Description);
    }

    [Fact]
    public void A_period_that_was_paused_throughout_has_nothing_to_invoice_but_late_usage()
    {
        var paused = Bills.Facts(Bills.Untaxed) with { Period = Bills.April, Segments = Bills.Segments(Bills.April, "2026-03-01T00:00Z basic", "2026-04-01T00:00Z -"), Used = [0] };

        Assert.False(paused.HasCharges);
        Assert.True((paused with { Late = [new LateUsage(Bills.March, Bills.Segments(Bills.March, "2026-03-01T00:00Z basic"), [0], [5])] }).HasCharges);
        Assert.False((paused with { Segments = Bills.Segments(Bills.April, "2026-03-01T00:00Z trial") }).HasCharges);
    }

    [Fact]
    public void A_minimum_is_topped_up_to_and_late_usage_counts_towards_it()
    {
        var march = Bills.Whole(Bills.March, new PeriodTerms("Enterprise", 1000m, 1_000_000, 1m) { MinimumEur = 1500m });
        var april = Bills.Whole(Bills.April, new PeriodTerms("Enterprise", 1000m, 1_000_000, 1m));

        Assert.Equal([1000m, 0m, 500m], InvoiceCalculation.Lines(Bills.March, march, [0], []).Select(line => line.Amount));
        Assert.Equal(
            [300m, -300m],
            InvoiceCalculation.Lines(Bills.April, april, [0], [new LateUsage(Bills.March, march, [0], [1_300_000])]).Skip(2).Select(line => line.Amount));
        Assert.Equal(
            [700m, -500m],
            InvoiceCalculation.Lines(Bills.April, april, [0], [new LateUsage(Bills.March, march, [0], [1_700_000])]).Skip(2).Select(line => line.Amount));
    }

    [Fact]
    public void A_period_is_charged_at_the_prices_in_force_when_it_or_the_segment_started()
    {
        var agreed = PeriodSegments.Of(Bills.Subscription(), Bills.Changes("2026-03-01T00:00Z basic", "2026-03-20T00:00Z premium"), Bills.March);

        Assert.Equal([PeriodSegments.StartOf(Bills.March), new DateTimeOffset(2026, 3, 20, 0, 0, 0, TimeSpan.Zero)], agreed.Select(segment => segment.From));
        var raised = Bills.Plans["premium"] with { EurPerMonth = 60, InForceFrom = new DateTimeOffset(2026, 3, 15, 0, 0, 0, TimeSpan.Zero) };
        Assert.Equal(raised.InForceFrom, Assert.Single(InvoiceCalculation.Lines(Bills.March, [agreed[1].At(raised)], [0], []), line => line.Kind == LineKind.Base).TermsFrom);
    }

    static IReadOnlyList<InvoiceLine> Lines(BillingPeriod period, IReadOnlyList<long> used, params string[] changes) =>
        InvoiceCalculation.Lines(period, Bills.Segments(period, changes), used, []);
}
