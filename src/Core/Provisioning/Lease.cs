using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>A run that this worker has claimed.</summary>
/// <param name="FencingToken">Higher than that of any earlier worker, whose writes are rejected from now on.</param>
/// <param name="Attempts">That have failed.</param>
/// <param name="Interruptions">Workers that have neither finished nor released it.</param>
public sealed record ClaimedRun(Guid Id, Guid Tenant, string Kind, long FencingToken, int Attempts, int Interruptions)
{
    public bool IsRetry => Attempts + Interruptions > 0;
}

/// <summary>
/// The exclusive right to execute one run. A heartbeat extends it; every write checks it and locks the run's row. When another worker has claimed the
/// run, or may have because the database was unreachable for too long, <see cref="Lost"/> is cancelled and nothing more is written.
/// </summary>
public sealed class Lease : IAsyncDisposable
{
    readonly ControlDatabase _database;
    readonly TimeSpan _duration;
    readonly CancellationTokenSource _lost;
    readonly CancellationTokenSource _done = new();
    readonly Task _heartbeat;

    Lease(ControlDatabase database, ClaimedRun run, TimeSpan duration, CancellationToken ct)
    {
        (_database, Run, _duration) = (database, run, duration);
        _lost = CancellationTokenSource.CreateLinkedTokenSource(ct);
        ExtendLocally();
        _heartbeat = SendHeartbeatsAsync();
    }

    public ClaimedRun Run { get; }

    /// <summary>Cancelled when the lease is lost or the process shuts down.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Claims the run that is due next: suspensions and deletions first, then the one with the fewest failed attempts and interruptions.</summary>
    /// <param name="includeRetries">False: only a run of which no attempt has failed or was interrupted.</param>
    /// <param name="onlyStops">Only a suspension or a deletion.</param>
    /// <returns>null when no run is due.</returns>
    public static async Task<Lease?> ClaimAsync(
        ControlDatabase database, TimeSpan duration, CancellationToken ct, bool includeRetries = true, bool onlyStops = false, bool includeDeletions = true)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var run = await transaction.FirstAsync(
            Claim, row => new ClaimedRun(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetInt64(3), row.GetInt32(4), row.GetInt32(5)), ct, duration,
            includeRetries, onlyStops, includeDeletions);
        await transaction.CommitAsync(ct);
        return run is null ? null : new Lease(database, run, duration, ct);
    }

    /// <summary>Writes in one transaction, and only while this worker holds the lease. The environment's row is locked too.</summary>
    /// <exception cref="OperationCanceledException">The lease is lost; nothing was written.</exception>
    public async Task WriteAsync(Func<Transaction, Task> write, CancellationToken ct)
    {
        await using var transaction = await _database.BeginJobAsync(ct);
        // Locked first, as by a request for a run: otherwise the two could deadlock.
        await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, Run.Tenant);
        await ExtendAsync(transaction, ct);
        await write(transaction);
        await transaction.CommitAsync(ct);
    }

    /// <summary>Releases an unfinished run, so that the next worker need not wait for the lease to expire.</summary>
    public async Task ReleaseAsync()
    {
        await using var transaction = await _database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync(Release, CancellationToken.None, Run.Id, Run.FencingToken, Run.Tenant);
        await transaction.CommitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _done.CancelAsync();
        await _heartbeat;
        _done.Dispose();
        _lost.Dispose();
    }

    async Task SendHeartbeatsAsync()
    {
        using var timer = new PeriodicTimer(_duration / 6);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_done.Token, _lost.Token);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                try
                {
                    await using var transaction = await _database.BeginJobAsync(stop.Token);
                    await ExtendAsync(transaction, stop.Token);
                    await transaction.CommitAsync(stop.Token);
                }
                catch (NpgsqlException)
                {
                    // Retried at the next heartbeat. If the database stays unavailable, the timer of ExtendLocally ends the lease.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The work is done, or the lease is lost.
        }
    }

    async Task ExtendAsync(Transaction transaction, CancellationToken ct)
    {
        if (!await transaction.ScalarAsync<bool>(Extend, ct, Run.Id, Run.FencingToken, _duration))
        {
            await _lost.CancelAsync();
            throw new OperationCanceledException(_lost.Token);
        }

        ExtendLocally();
    }

    // A fifth is left for the round trip: this worker must have stopped when the lease in the database expires.
    void ExtendLocally() => _lost.CancelAfter(_duration * 0.8);

    // $1: duration of the lease. A run whose lease has expired belongs to a worker that has died. The interruption is counted at the next claim, because that
    // worker could not. Runs that may have ended their worker come after the others, one at a time: whatever ran beside them was interrupted as well.
    const string Claim = """
        update control.provisioning_run set state = 'running', fencing_token = fencing_token + 1, lease_until = now() + $1,
            interruptions = interruptions + (state = 'running')::int
        where id = (
            select id from control.provisioning_run
            where ((state = 'queued' and next_attempt_at <= now()) or (state = 'running' and lease_until <= now()))
              and ($2 or attempts + interruptions + (state = 'running')::int = 0)
              and (not $3 or kind in ('suspend', 'delete'))
              and ($4 or kind <> 'delete')
            order by kind in ('suspend', 'delete') desc, attempts + interruptions + (state = 'running')::int, next_attempt_at limit 1 for update skip locked)
        returning id, tenant_id, kind, fencing_token, attempts, interruptions
        """;

    const string Extend = """
        update control.provisioning_run set lease_until = now() + $3 where id = $1 and fencing_token = $2 and state = 'running' returning true
        """;

    // A run that replaced this one is delayed until this lease expires. This worker has stopped, so the delay ends.
    const string Release = """
        with released as (
            update control.provisioning_run set state = 'queued', next_attempt_at = now(), lease_until = null
            where id = $1 and fencing_token = $2 and state = 'running')
        update control.provisioning_run set next_attempt_at = now()
        where tenant_id = $3 and state = 'queued' and attempts = 0 and next_attempt_at > now()
        """;
}
