namespace ControlPlane.Subscriptions;

/// <summary>What tenants and operators set of a subscription, without the billing cycle.</summary>
public static class SubscriptionSettings
{
    /// <summary>Of a subscription that has a trial.</summary>
    public static Task SetTrialEndAsync(this Transaction transaction, Guid tenant, DateTimeOffset endsAt, CancellationToken ct) => transaction.ExecuteAsync(
        "update control.subscription set trial_ends_at = $2 where tenant_id = $1 and trial_ends_at is not null", ct, tenant, endsAt);

    /// <param name="eur">Of overage in a period; null: no limit.</param>
    public static Task SetSpendLimitAsync(this Transaction transaction, Guid tenant, decimal? eur, CancellationToken ct) =>
        transaction.ExecuteAsync("update control.subscription set spend_limit_eur = $2 where tenant_id = $1", ct, tenant, eur);
}
