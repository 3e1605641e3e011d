using ControlPlane.Subscriptions;

namespace ControlPlane.Reporting;

/// <summary>Overage cost of the current period: so far, and projected to its end at the current pace. An estimate; the invoice is computed from the events.</summary>
/// <param name="SoFar">EUR.</param>
/// <param name="AtEnd">EUR; never less than <paramref name="SoFar"/>.</param>
public sealed record OverageForecast(decimal SoFar, decimal AtEnd)
{
    /// <param name="used">Tokens used in the period.</param>
    /// <param name="included">Tokens included in the plan's price.</param>
    /// <param name="eurPerThousand">EUR per 1,000 tokens beyond the included ones.</param>
    public static OverageForecast Of(long used, long included, decimal eurPerThousand, BillingPeriod period, DateTimeOffset now)
    {
        // At least one day: a few hours of usage must not be extrapolated to a month.
        var daysElapsed = Math.Clamp((decimal)(now - period.EndsAt.AddDays(-period.Days)).TotalDays, 1, period.Days);
        return new OverageForecast(Overage(used), Overage(used * period.Days / daysElapsed));

        decimal Overage(decimal tokens) => Math.Round(Math.Max(0, tokens - included) * eurPerThousand / 1000, 2, MidpointRounding.AwayFromZero);
    }
}
