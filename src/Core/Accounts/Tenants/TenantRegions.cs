namespace ControlPlane.Accounts.Tenants;

public static class TenantRegions
{
    /// <returns>The region of the oldest tenant that belongs to another one than this installation; null when there is none.</returns>
    public static Task<string?> OtherRegionAsync(this Transaction transaction, string region, CancellationToken ct) => transaction.ScalarAsync<string>(
        "select region from control.tenant where region <> $1 and status <> 'deleted' order by created_at limit 1", ct, region);
}
