namespace ControlPlane.Billing.Invoices;

/// <summary>How the tokens of a period are divided between allowances and overage. Pure.</summary>
public static class Allowance
{
    /// <summary>
    /// What each segment has: its share of the month by the second, and what was left in the priced segment before it. null: unlimited, or nothing is charged.
    /// </summary>
    /// <param name="used">Tokens used in each segment.</param>
    public static IReadOnlyList<(long? Available, long CarriedOver, long Overage)> Of(IReadOnlyList<PeriodSegment> segments, IReadOnlyList<long> used)
    {
        var period = segments.Sum(segment => segment.Seconds);
        var (found, left) = (new List<(long?, long, long)>(segments.Count), 0L);
        foreach (var (segment, tokens) in segments.Zip(used))
        {
            if (segment.Terms?.IncludedTokens is not { } included)
            {
                found.Add((null, 0, 0));
                left = segment.Terms is null ? left : 0;
                continue;
            }

            var share = (long)((Int128)included * segment.Seconds / period);
            var available = (long)Int128.Min((Int128)share + left, long.MaxValue);
            var overage = segment.Terms.OverageEurPerThousand is null ? 0 : Math.Max(0, tokens - available);
            found.Add((available, left, overage));
            left = Math.Max(0, available - tokens);
        }

        return found;
    }

    /// <summary>Tokens charged beyond the allowance, per segment.</summary>
    public static IReadOnlyList<long> Overage(IReadOnlyList<PeriodSegment> segments, IReadOnlyList<long> used) =>
        [.. Of(segments, used).Select(segment => segment.Overage)];
}
