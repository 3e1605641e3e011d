namespace ControlPlane.Billing.Payments;

/// <summary>When a payment that may work later is tried again: daily while the grace lasts.</summary>
public static class RetrySchedule
{
    static readonly TimeSpan Interval = TimeSpan.FromDays(1);

    /// <summary>The grace of 72 hours begins when the period ends, 9 hours before the first attempt.</summary>
    static readonly TimeSpan Longest = TimeSpan.FromHours(63);

    /// <param name="firstDecline">Of this invoice.</param>
    /// <returns>null: no further attempt is made by itself.</returns>
    public static DateTimeOffset? Next(DateTimeOffset firstDecline, DateTimeOffset now) => now + Interval < firstDecline + Longest ? now + Interval : null;

    /// <summary>When a provider that was unavailable is called again: after 1, 2, 4, … minutes, at most 60, unless it says when.</summary>
    /// <param name="inARow">Attempts that found it unavailable, this one included.</param>
    public static TimeSpan AfterOutage(int inARow, TimeSpan? retryAfter)
    {
        var wait = retryAfter ?? TimeSpan.FromMinutes(Math.Pow(2, Math.Min(inARow, 7) - 1));
        return wait < TimeSpan.FromHours(1) ? wait : TimeSpan.FromHours(1);
    }
}
