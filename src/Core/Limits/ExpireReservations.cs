namespace ControlPlane.Limits;

/// <summary>
/// Releases the expired reservations of idle tenants; for active tenants, and for those whose rows are locked, the next authorization does it. Also deletes settled and expired reservations,
/// and stored answers, after two days.
/// </summary>
public sealed class ExpireReservations(ControlDatabase database, Clock clock)
{
    static readonly TimeSpan Retention = TimeSpan.FromDays(2);

    public sealed record Result(long Expired, long Deleted);

    public async Task<Result> RunAsync(CancellationToken ct)
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

        return new Result(expired, await DeleteOldAsync(now - Retention, ct));
    }

    async Task<List<Guid>> TenantsWithExpiredAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(TenantsWithExpired, row => row.GetGuid(0), ct, now);
    }

    async Task<long> DeleteOldAsync(DateTimeOffset before, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var deleted = await transaction.ExecuteAsync(DeleteReservations, ct, before)
            + await transaction.ExecuteAsync("delete from control.authorization_answer where answered_at < $1", ct, before);
        await transaction.CommitAsync(ct);
        return deleted;
    }

    // A row that another transaction holds is deleted by the next run.
    const string DeleteReservations = """
        delete from control.reservation where id in (select id from control.reservation where expires_at < $1 and state <> 'held' for update skip locked)
        """;

    const string TenantsWithExpired = "select distinct tenant_id from control.reservation where state = 'held' and expires_at <= $1";
}
