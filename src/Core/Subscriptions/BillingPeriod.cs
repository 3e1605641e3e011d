namespace ControlPlane.Subscriptions;

/// <summary>
/// The n-th billing period of a subscription: UTC days [<see cref="Start"/>, <see cref="End"/>). It starts n - 1 calendar months
/// after the anchor day, clamped to the month's last day and never drifting: Jan 31, Feb 28, Mar 31.
/// <c>control.nth_period_start</c>, <c>control.period_start</c> and <c>control.next_period_start</c> are the same rule in SQL; a test compares them.
/// </summary>
/// <param name="Number">Counted from 1.</param>
public readonly record struct BillingPeriod(int Number, DateOnly Start, DateOnly End)
{
    /// <summary>Days in the period: 28 to 31.</summary>
    public int Days => End.DayNumber - Start.DayNumber;

    /// <summary>The first day whose usage belongs to the period. The first period also has the days before the anchor (<see cref="Containing"/>).</summary>
    public DateOnly CountsFrom => Number == 1 ? DateOnly.FromDateTime(DateTime.UnixEpoch) : Start;

    /// <summary>00:00 UTC of <see cref="Start"/>.</summary>
    public DateTimeOffset StartsAt => new(Start, TimeOnly.MinValue, TimeSpan.Zero);

    /// <summary>The instant at which the period ends and its invoice is due: 00:00 UTC of <see cref="End"/>.</summary>
    public DateTimeOffset EndsAt => new(End, TimeOnly.MinValue, TimeSpan.Zero);

    /// <exception cref="ArgumentOutOfRangeException"><paramref name="number"/> is less than 1.</exception>
    public static BillingPeriod Of(DateOnly anchor, int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        return new BillingPeriod(number, anchor.AddMonths(number - 1), anchor.AddMonths(number));
    }

    /// <summary>The period that contains a day. Days before the anchor belong to the first period: a gateway's clock may run behind ours.</summary>
    public static BillingPeriod Containing(DateOnly anchor, DateOnly day)
    {
        var months = ((day.Year - anchor.Year) * 12) + day.Month - anchor.Month;
        var number = Math.Max(1, months + 1);
        return number > 1 && day < anchor.AddMonths(number - 1) ? Of(anchor, number - 1) : Of(anchor, number);
    }
}
