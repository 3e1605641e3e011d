using System.Globalization;

namespace ControlPlane.Tests.Portal;

[Trait("Category", "Quick")]
public class ChartLayoutTests
{
    static readonly DateOnly Today = new(2026, 3, 31);

    [Fact]
    public void Bars_of_a_day_are_stacked_up_to_their_sum()
    {
        var chart = ChartLayout.Of([new(Today, "large", 300), new(Today, "small", 100)], Today, 30);
        var (large, small) = (chart.Bars[0], chart.Bars[1]);
        Assert.Equal(100, Percent(large.Y) + Percent(large.Height), 2);
        Assert.Equal(Percent(large.Y), Percent(small.Y) + Percent(small.Height), 2);
        Assert.Equal(400, (100 - Percent(small.Y)) / 100 * chart.Ticks[^1].Tokens, 1);
    }

    [Fact]
    public void Every_bar_is_inside_the_chart_and_overlaps_no_other()
    {
        var usage = Enumerable.Range(0, 30).Select(i => new ModelDay(Today.AddDays(-i), "model", 1 + (i * 997 % 5_000))).ToList();
        var bars = ChartLayout.Of(usage, Today, 30).Bars.OrderBy(b => b.Day).ToList();
        Assert.Equal(30, bars.Count);
        Assert.All(bars, bar => Assert.InRange(Percent(bar.Y), 0, 100));
        Assert.All(bars.Zip(bars.Skip(1)), pair => Assert.True(Percent(pair.First.X) + Percent(pair.First.Width) < Percent(pair.Second.X)));
        Assert.True(Percent(bars[0].X) >= 0 && Percent(bars[^1].X) + Percent(bars[^1].Width) <= 100);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 8)]
    [InlineData(100, 100)]
    [InlineData(101, 150)]
    [InlineData(999_999, 1_000_000)]
    [InlineData(2_000_001, 3_000_000)]
    [InlineData(4_000_000_000_000_000_000, 4_000_000_000_000_000_000)]
    public void The_axis_ends_at_a_round_number_that_no_bar_exceeds(long highest, long top)
    {
        var ticks = ChartLayout.Of([new(Today, "model", highest)], Today, 30).Ticks;
        Assert.Equal(0, ticks[0].Tokens);
        Assert.Equal(top, ticks[^1].Tokens);
        Assert.InRange(ticks.Count, 2, 6);
    }

    [Fact]
    public void Models_beyond_the_last_pattern_share_it_and_no_token_is_lost()
    {
        var usage = Enumerable.Range(1, 9).Select(i => new ModelDay(Today, $"model {i}", i * 10)).ToList();
        var chart = ChartLayout.Of(usage, Today, 30);
        Assert.Equal(["model 9", "model 8", "model 7", "model 6", "model 5", "other models"], chart.Series.Select(s => s.Name));
        Assert.Equal(450, chart.Days[^1].Total);
        Assert.Equal(100, chart.Series[^1].Tokens);
    }

    [Fact]
    public void The_last_day_is_labelled_and_days_outside_the_chart_are_left_out()
    {
        var chart = ChartLayout.Of([new(Today.AddDays(-30), "model", 5), new(Today.AddDays(1), "model", 5)], Today, 30);
        Assert.Empty(chart.Bars);
        Assert.True(chart.Days[^1].Labelled);
        Assert.Equal(Today.AddDays(-29), chart.Days[0].Day);
    }

    static double Percent(string length) => double.Parse(length.TrimEnd('%'), CultureInfo.InvariantCulture);
}
