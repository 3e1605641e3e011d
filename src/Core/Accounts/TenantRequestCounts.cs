namespace ControlPlane.Accounts;

/// <summary>Counts a tenant's requests of one kind in the database, so that all processes share one limit.</summary>
public sealed class TenantRequestCounts(ControlDatabase database)
{
    /// <param name="kind">A name of the limit.</param>
    /// <returns>When to try again; null when the request may be processed.</returns>
    /// <exception cref="TenantBusyException">The tenant has too many transactions at the same time.</exception>
    public async Task<TimeSpan?> CountAsync(Guid tenant, string kind, int perHour, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var retryAfter = await transaction.CountAsync($"tenant_{kind}", tenant.ToByteArray(), new RateLimit(perHour, perHour, TimeSpan.FromHours(1)), ct);
        await transaction.CommitAsync(ct);
        return retryAfter;
    }
}
