namespace ControlPlane.Demo;

/// <summary>
/// Generates a trace when none is supplied: an office week (busy from nine to five on weekdays, quiet nights and weekends) with log-normal
/// token counts, close to published traces of chat services. The same seed gives the same trace.
/// </summary>
public static class TraceGenerator
{
    /// <param name="days">Number of days, starting at <paramref name="start"/>.</param>
    /// <returns>Calls in order of arrival.</returns>
    public static List<TraceCall> Calls(int seed, int count, DateTimeOffset start, int days)
    {
        var random = new Random(seed);
        var hours = Enumerable.Range(0, days * 24).Select(hour => start.AddHours(hour)).ToList();
        var cumulativeLoad = RunningSum(hours.Select(RelativeLoad));
        var calls = new List<TraceCall>(count);
        for (var i = 0; i < count; i++)
        {
            var hour = cumulativeLoad.BinarySearch(random.NextDouble() * cumulativeLoad[^1]);
            var arrivedAt = hours[hour < 0 ? ~hour : hour].AddTicks(random.NextInt64(TimeSpan.TicksPerHour));
            calls.Add(new TraceCall(arrivedAt, LogNormal(random, median: 1_000, spread: 1.0, 16_000), LogNormal(random, median: 130, spread: 0.9, 4_000)));
        }

        return [.. calls.OrderBy(call => call.ArrivedAt)];
    }

    static double RelativeLoad(DateTimeOffset hour)
    {
        var office = 0.05 + Math.Exp(-Math.Pow((hour.Hour - 13) / 4.0, 2));
        return hour.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? office * 0.2 : office;
    }

    static List<double> RunningSum(IEnumerable<double> values)
    {
        var sum = 0.0;
        return [.. values.Select(value => sum += value)];
    }

    // Box-Muller transform.
    static long LogNormal(Random random, double median, double spread, long maximum)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return Math.Clamp((long)(median * Math.Exp(spread * normal)), 1, maximum);
    }
}
