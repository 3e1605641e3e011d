namespace ControlPlane.Web.Dashboard;

/// <summary>What the open period's overage costs so far, and at its end if usage goes on as it did. An estimate: the invoice is computed from the events.</summary>
/// <param name="SoFar">EUR.</param>
/// <param name="AtEnd">EUR; never less than <paramref name="SoFar"/>.</param>
public sealed record OverageForecast(decimal SoFar, decimal AtEnd)
{
    /// <param name="used">Tokens used in the period.</param>
    /// <param name="included">Tokens the plan's price covers.</param>
    /// <param name="eurPerThousand">EUR per 1,000 tokens beyond them.</param>
    public static OverageForecast Of(long used, long included, decimal eurPerThousand, BillingPeriod period, DateTimeOffset now)
    {
        // The first day counts as whole, or a morning's test would be taken for a month's habit.
        var daysGone = Math.Clamp((decimal)(now - period.EndsAt.AddDays(-period.Days)).TotalDays, 1, period.Days);
        return new OverageForecast(Overage(used), Overage(used * period.Days / daysGone));

        decimal Overage(decimal tokens) => Math.Round(Math.Max(0, tokens - included) * eurPerThousand / 1000, 2, MidpointRounding.AwayFromZero);
    }
}
