using ControlPlane.Subscriptions;

namespace ControlPlane.Metering.Ingestion;

/// <summary>The events of one tenant in a transaction.</summary>
sealed record TenantUsage(Guid Tenant, UsageBatch Batch)
{
    /// <summary>Set by <see cref="UsageTables.PriceAsync"/>; null when the tenant has no subscription.</summary>
    public Subscription? Subscription { get; set; }

    /// <summary>Another transaction holds the tenant's lock, so the tenant is skipped.</summary>
    public bool IsLockedOut { get; set; }

    /// <summary>Set by <see cref="UsageTables.PriceAsync"/>: the tenant has reported as much today as it may.</summary>
    public bool IsOverQuota { get; set; }

    /// <summary>Set by <see cref="UsageTables.PriceAsync"/>: the tenant's own weights among the models of its events.</summary>
    public IReadOnlySet<string> OwnModels { get; set; } = new HashSet<string>();
}
