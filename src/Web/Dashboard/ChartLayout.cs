using System.Globalization;

namespace ControlPlane.Web.Dashboard;

/// <summary>
/// Positions of all elements in the chart of tokens by day and model. A pure function of the numbers. Lengths are percentages, so that bars
/// scale with the page while text and patterns keep their size.
/// </summary>
public sealed record ChartLayout(IReadOnlyList<ChartSeries> Series, IReadOnlyList<ChartBar> Bars, IReadOnlyList<ChartTick> Ticks, IReadOnlyList<ChartDay> Days)
{
    /// <summary>Further models share the last series, because more patterns are hard to distinguish.</summary>
    public const int MaximumSeries = 6;
    const string Others = "other models";
    const double Gap = 0.26;
    const int DaysBetweenLabels = 7;

    /// <param name="last">The last day drawn.</param>
    /// <param name="days">Number of days, at least 1.</param>
    public static ChartLayout Of(IReadOnlyCollection<ModelDay> usage, DateOnly last, int days)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(days, 1);
        var first = last.AddDays(1 - days);
        var shown = usage.Where(u => u.Day >= first && u.Day <= last && u.Tokens > 0).ToList();
        var series = SeriesOf(shown);
        var names = series.Select(s => s.Name).ToHashSet();
        var sums = shown.GroupBy(u => (u.Day, Name: names.Contains(u.Model) ? u.Model : Others)).ToDictionary(g => g.Key, g => g.Sum(u => u.Tokens));
        var columns = Enumerable.Range(0, days).Select(i => new ChartDay(
            first.AddDays(i), Percent((i + 0.5) / days), (days - 1 - i) % DaysBetweenLabels == 0,
            [.. series.Select(s => sums.GetValueOrDefault((first.AddDays(i), s.Name)))])).ToList();
        var step = Step(columns.Max(c => c.Total));
        var top = Math.Max(step, (columns.Max(c => c.Total) + step - 1) / step * step);
        return new ChartLayout(series, [.. columns.SelectMany((c, i) => BarsOf(c, i, days, series, top))], TicksOf(step, top), columns);
    }

    static List<ChartSeries> SeriesOf(List<ModelDay> usage)
    {
        var models = usage.GroupBy(u => u.Model).Select(g => (Name: g.Key, Tokens: g.Sum(u => u.Tokens)))
            .OrderByDescending(m => m.Tokens).ThenBy(m => m.Name, StringComparer.Ordinal).ToList();
        var own = models.Count <= MaximumSeries ? models.Count : MaximumSeries - 1;
        var series = models.Take(own).Select((m, i) => new ChartSeries(i + 1, m.Name, m.Tokens)).ToList();
        if (own < models.Count)
        {
            series.Add(new ChartSeries(MaximumSeries, Others, models.Skip(own).Sum(m => m.Tokens)));
        }

        return series;
    }

    static IEnumerable<ChartBar> BarsOf(ChartDay day, int column, int columns, List<ChartSeries> series, long top)
    {
        var below = 0L;
        foreach (var (current, tokens) in series.Zip(day.Tokens))
        {
            if (tokens == 0)
            {
                continue;
            }

            below += tokens;
            yield return new ChartBar(
                current, day.Day, tokens, Percent((column + (Gap / 2)) / columns), Percent((1 - Gap) / columns),
                Percent(1 - (below / (double)top)), Percent(tokens / (double)top));
        }
    }

    static List<ChartTick> TicksOf(long step, long top) =>
        [.. Enumerable.Range(0, (int)(top / step) + 1).Select(i => new ChartTick(i * step, Percent(1 - (i * step / (double)top))))];

    // The smallest of 1, 2, 5, 10, 20, 50, … that leaves at most four steps to the highest bar.
    static long Step(long highest)
    {
        for (var power = 1L; ; power *= 10)
        {
            foreach (var step in (ReadOnlySpan<long>)[power, 2 * power, 5 * power])
            {
                if (highest / step < 4 || highest == 4 * step)
                {
                    return step;
                }
            }
        }
    }

    static string Percent(double share) => (share * 100).ToString("0.###", CultureInfo.InvariantCulture) + "%";
}

/// <param name="Number">From 1; selects colour and pattern.</param>
public sealed record ChartSeries(int Number, string Name, long Tokens);

public sealed record ChartBar(ChartSeries Series, DateOnly Day, long Tokens, string X, string Width, string Y, string Height);

public sealed record ChartTick(long Tokens, string Y);

/// <param name="Tokens">One number per series.</param>
public sealed record ChartDay(DateOnly Day, string X, bool Labelled, IReadOnlyList<long> Tokens)
{
    public long Total { get; } = Tokens.Sum();
}
