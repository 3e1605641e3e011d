namespace ControlPlane.Limits;

/// <summary>
/// Gives back what expired reservations of idle tenants hold; for the others the next authorization has done it. And forgets what nobody asks for
/// again: settled and expired reservations and answers older than two days.
/// </summary>
public sealed class ExpireReservations(ControlDatabase database, Clock clock)
{
    static readonly TimeSpan Kept = TimeSpan.FromDays(2);

    public sealed record Result(long Expired, long Forgotten);

    public async Task<Result> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var expired = 0L;
        foreach (var tenant in await DueAsync(now, ct))
        {
            await using var transaction = await database.BeginJobAsync(ct);
            await transaction.ExecuteAsync("select control.lock_budgets($1, $2, null, null, null)", ct, tenant, now);
            expired += await transaction.ScalarAsync<int>("select control.release_expired($1, $2)", ct, tenant, now);
            await transaction.CommitAsync(ct);
        }

        return new Result(expired, await ForgetAsync(now - Kept, ct));
    }

    async Task<List<Guid>> DueAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Due, row => row.GetGuid(0), ct, now);
    }

    async Task<long> ForgetAsync(DateTimeOffset before, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var forgotten = await transaction.ExecuteAsync("delete from control.reservation where expires_at < $1 and state <> 'held'", ct, before)
            + await transaction.ExecuteAsync("delete from control.authorization_answer where answered_at < $1", ct, before);
        await transaction.CommitAsync(ct);
        return forgotten;
    }

    const string Due = "select distinct tenant_id from control.reservation where state = 'held' and expires_at <= $1";
}
