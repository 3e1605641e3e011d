namespace ControlPlane.Limits;

/// <summary>
/// Releases the expired reservations of idle tenants; for active tenants, and for those whose rows are locked, the next authorization does it.
/// </summary>
public sealed class ExpireReservations(ControlDatabase database, Clock clock)
{
    /// <returns>Number of released reservations.</returns>
    public async Task<long> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var expired = 0L;
        foreach (var tenant in await TenantsWithExpiredAsync(now, ct))
        {
            await using var transaction = await database.BeginJobAsync(ct);
            if (await transaction.ScalarAsync<bool>("select control.lock_budget_rows($1, $2, null, null, null, false)", ct, tenant, now))
            {
                expired += await transaction.ScalarAsync<int>("select control.release_expired($1, $2)", ct, tenant, now);
                await transaction.CommitAsync(ct);
            }
        }

        return expired;
    }

    async Task<List<Guid>> TenantsWithExpiredAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(TenantsWithExpired, row => row.GetGuid(0), ct, now);
    }

    const string TenantsWithExpired = "select distinct tenant_id from control.reservation where state = 'held' and expires_at <= $1";
}
