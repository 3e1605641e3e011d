namespace ControlPlane.Subscriptions;

/// <summary>What is included in a period whose plan changes within it. Each plan gives its share of the time, and what is left of it carries into the next one.</summary>
/// <param name="Tokens">Of the period, up to which nothing more is charged, counted from its start.</param>
/// <param name="SpentEur">What the overage of the period has cost until the change.</param>
public sealed record ChangedAllowance(long? Tokens, decimal SpentEur)
{
    /// <param name="used">Tokens of the period until now.</param>
    /// <param name="before">null: nothing was charged until now, as in a trial.</param>
    /// <param name="spentBefore">EUR of overage until the change before this one.</param>
    public static ChangedAllowance At(DateTimeOffset at, BillingPeriod period, long used, PlanShare? before, PlanShare after, decimal spentBefore = 0)
    {
        // Of the tokens used, those beyond what was included until now are charged already, at the former price.
        var free = before is null ? used : before.Given(period, at);
        var spent = spentBefore + (before?.OverageEurPerThousand is { } rate && free is { } given ? Math.Max(0, used - given) * rate / 1000 : 0);
        return new ChangedAllowance(
            after.Included is { } included ? Math.Max(used, free ?? used) + Share(included, at, period.EndsAt, period) : null, spent);
    }

    /// <summary>Rounded down, so that all shares of a period together never exceed what a whole one includes.</summary>
    internal static long Share(long included, DateTimeOffset from, DateTimeOffset to, BillingPeriod period) =>
        (long)((Int128)included * (long)(to - from).TotalSeconds / (long)(period.EndsAt - period.StartsAt).TotalSeconds);
}

/// <summary>A plan within a period.</summary>
/// <param name="Included">Tokens of a whole period; null: unlimited.</param>
/// <param name="OverageEurPerThousand">null: there is no overage.</param>
/// <param name="Since">Its start, or that of the period.</param>
/// <param name="Tokens">What the period includes if it stays until the end: <see cref="ChangedAllowance.Tokens"/>; null: as in a whole period.</param>
public sealed record PlanShare(long? Included, decimal? OverageEurPerThousand, DateTimeOffset Since, long? Tokens = null)
{
    /// <returns>What the period has included until <paramref name="at"/>; null: unlimited.</returns>
    internal long? Given(BillingPeriod period, DateTimeOffset at)
    {
        if (Included is not { } included)
        {
            return null;
        }

        var whole = ChangedAllowance.Share(included, Since, period.EndsAt, period);
        return (Tokens ?? whole) - whole + ChangedAllowance.Share(included, Since, at, period);
    }
}
