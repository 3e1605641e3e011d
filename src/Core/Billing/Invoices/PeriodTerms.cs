using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>Prices of a subscription in one segment.</summary>
/// <param name="EurPerMonth">EUR.</param>
/// <param name="IncludedTokens">Of a whole period; null: unlimited.</param>
/// <param name="OverageEurPerThousand">EUR per 1,000 tokens beyond the included ones; null: there is no overage.</param>
public sealed record PeriodTerms(string PlanTitle, decimal EurPerMonth, long? IncludedTokens, decimal? OverageEurPerThousand)
{
    /// <summary>What base charge and overage of a whole period come to at least, EUR; null: no minimum.</summary>
    public decimal? MinimumEur { get; init; }

    /// <summary>Since when this version of the plan's terms is in force.</summary>
    public DateTimeOffset InForceFrom { get; init; }
}

/// <summary>Usage of an invoiced period that was reported after its invoice, per segment.</summary>
/// <param name="Billed">Tokens of that period on earlier invoices.</param>
/// <param name="Late">Tokens reported since.</param>
public sealed record LateUsage(BillingPeriod Period, IReadOnlyList<PeriodSegment> Segments, IReadOnlyList<long> Billed, IReadOnlyList<long> Late);
