using Microsoft.Extensions.Logging;

namespace ControlPlane.Limits;

/// <summary>
/// Releases the expired reservations of idle tenants; for active tenants, and for those whose rows are locked, the next authorization does it.
/// </summary>
public sealed class ExpireReservations(ControlDatabase database, Clock clock, ILogger<ExpireReservations> log)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var expired = 0L;
        var parts = new JobParts(JobSchedules.Nightly, log);
        foreach (var tenant in await TenantsWithExpiredAsync(now, ct))
        {
            await parts.TryAsync("release the expired reservations", tenant, async () => expired += await ReleaseAsync(tenant, now, ct), ct);
        }

        return JobReport.Of(("reservations_expired", expired)) with { Failures = parts.Failures };
    }

    async Task<int> ReleaseAsync(Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (!await transaction.ScalarAsync<bool>("select control.lock_budget_rows($1, $2, null, null, null, false)", ct, tenant, now))
        {
            return 0;
        }

        var released = await transaction.ScalarAsync<int>("select control.release_expired($1, $2)", ct, tenant, now);
        await transaction.CommitAsync(ct);
        return released;
    }

    async Task<List<Guid>> TenantsWithExpiredAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(TenantsWithExpired, row => row.GetGuid(0), ct, now);
    }

    const string TenantsWithExpired = "select distinct tenant_id from control.reservation where state = 'held' and expires_at <= $1";
}
