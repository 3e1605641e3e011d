using Microsoft.Extensions.Logging;

namespace ControlPlane.Limits;

/// <summary>
/// Releases the expired reservations of idle tenants; for active tenants, and for those whose rows are locked, the next authorization does it.
/// </summary>
public sealed class ExpireReservations(ControlDatabase database, Clock clock, ILogger<ExpireReservations> log)
{
    /// <summary>About so many reservations are released in a transaction, which locks the tenant's budgets.</summary>
    const int PieceSize = 10_000;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var expired = 0L;
        var parts = new JobParts(JobSchedules.Nightly, log);
        foreach (var tenant in await TenantsWithExpiredAsync(now, ct))
        {
            await parts.TryAsync("release the expired reservations", tenant, () => ReleaseAllAsync(tenant), ct);
        }

        return JobReport.Of(("reservations_expired", expired)) with { Failures = parts.Failures };

        async Task ReleaseAllAsync(Guid tenant)
        {
            int released;
            do
            {
                released = await ReleaseAsync(tenant, now, ct);
                expired += released;
            }
            while (released >= PieceSize);
        }
    }

    async Task<int> ReleaseAsync(Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ScalarAsync<DateTimeOffset?>(EndOfPiece, ct, tenant, now, PieceSize) is not { } until
            || !await transaction.ScalarAsync<bool>("select control.lock_budget_rows($1, $2, null, null, null, false)", ct, tenant, until))
        {
            return 0;
        }

        var released = await transaction.ScalarAsync<int>("select control.release_expired($1, $2)", ct, tenant, until);
        await transaction.CommitAsync(ct);
        return released;
    }

    async Task<List<Guid>> TenantsWithExpiredAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(TenantsWithExpired, row => row.GetGuid(0), ct, now);
    }

    const string EndOfPiece = """
        select max(expires_at) from (
            select expires_at from control.reservation where tenant_id = $1 and state = 'held' and expires_at <= $2 order by expires_at limit $3) piece
        """;

    const string TenantsWithExpired = "select distinct tenant_id from control.reservation where state = 'held' and expires_at <= $1";
}
