using System.Globalization;

namespace ControlPlane.Billing.Credits;

/// <summary>What is proposed to a customer whose environment was down for longer than its plan promises. Pure.</summary>
/// <param name="Percent">Of the month, that the environment answered.</param>
/// <param name="Eur">Goodwill before tax; null: there is no price that it could be a share of.</param>
public sealed record AvailabilityCredit(decimal Percent, decimal? Eur)
{
    /// <summary>Below so many percent, so much of a month's price, as usual in the field. The first that applies.</summary>
    static readonly (decimal Below, decimal Share)[] Shares = [(95m, 0.50m), (99m, 0.25m), (100m, 0.10m)];

    /// <param name="promised">Percent.</param>
    /// <param name="price">EUR for a month.</param>
    /// <returns>null: the promise was kept, or nothing was measured.</returns>
    public static AvailabilityCredit? Of(long measuredSeconds, long downSeconds, decimal promised, decimal? price)
    {
        if (measuredSeconds <= 0)
        {
            return null;
        }

        var percent = 100m * (measuredSeconds - downSeconds) / measuredSeconds;
        if (percent >= promised)
        {
            return null;
        }

        var eur = Money.ToCents((price ?? 0) * Shares.First(share => percent < share.Below).Share);
        return new AvailabilityCredit(percent, eur > 0 ? eur : null);
    }

    /// <summary>For the review list.</summary>
    public string Describe(DateOnly month, long downSeconds, decimal promised)
    {
        var proposal = Eur is { } eur ? string.Create(CultureInfo.InvariantCulture, $"Proposed: {eur:N2} EUR goodwill.") : "There is no agreed price to propose a credit from.";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"The environment was available {Math.Floor(Percent * 1000) / 1000:0.000} % of {month:MMMM yyyy} and down for {TimeSpan.FromSeconds(downSeconds).TotalMinutes:0} minutes; its plan promises {promised:0.###} %. {proposal}");
    }
}
