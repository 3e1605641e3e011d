using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>A run that this worker has taken.</summary>
/// <param name="FencingToken">Higher than any earlier worker's: who holds a lower one can write nothing any more.</param>
public sealed record ClaimedRun(Guid Id, Guid Tenant, string Kind, long FencingToken, int Attempts);

/// <summary>
/// The right to work on one run. A heartbeat extends it; every write checks it and holds its row. When another worker took the run, or
/// the database could not be reached for so long that one may have, <see cref="Lost"/> is cancelled and nothing is written any more.
/// </summary>
public sealed class Lease : IAsyncDisposable
{
    readonly ControlDatabase _database;
    readonly TimeSpan _length;
    readonly CancellationTokenSource _lost;
    readonly CancellationTokenSource _done = new();
    readonly Task _heartbeat;

    Lease(ControlDatabase database, ClaimedRun run, TimeSpan length, CancellationToken ct)
    {
        (_database, Run, _length) = (database, run, length);
        _lost = CancellationTokenSource.CreateLinkedTokenSource(ct);
        StayAlive();
        _heartbeat = BeatAsync();
    }

    public ClaimedRun Run { get; }

    /// <summary>Work under the lease stops with this token: it is cancelled when the lease is lost or the process shuts down.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <returns>null when no run is due.</returns>
    public static async Task<Lease?> ClaimAsync(ControlDatabase database, TimeSpan length, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var run = await transaction.FirstAsync(
            Claim, row => new ClaimedRun(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetInt64(3), row.GetInt32(4)), ct, length);
        await transaction.CommitAsync(ct);
        return run is null ? null : new Lease(database, run, length, ct);
    }

    /// <summary>Writes in one transaction, and only while the run is ours. The environment's row is locked too.</summary>
    /// <exception cref="OperationCanceledException">The lease is lost; nothing was written.</exception>
    public async Task WriteAsync(Func<Transaction, Task> write, CancellationToken ct)
    {
        await using var transaction = await _database.BeginJobAsync(ct);
        // Locked first, as by whoever asks for a run, so that the two never wait for each other.
        await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, Run.Tenant);
        await ExtendAsync(transaction, ct);
        await write(transaction);
        await transaction.CommitAsync(ct);
    }

    /// <summary>Gives an unfinished run back, so that the next worker need not wait for the lease to end.</summary>
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

    async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(_length / 6);
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
                    // Tried again at the next beat; StayAlive's limit ends the lease when the database stays away.
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
        if (!await transaction.ScalarAsync<bool>(Extend, ct, Run.Id, Run.FencingToken, _length))
        {
            await _lost.CancelAsync();
            throw new OperationCanceledException(_lost.Token);
        }

        StayAlive();
    }

    // A fifth is left for the way to the database and back: we must have stopped when the lease there ends.
    void StayAlive() => _lost.CancelAfter(_length * 0.8);

    // $1: length of the lease. A run whose lease has ended belongs to a worker that is gone.
    const string Claim = """
        update control.provisioning_run set state = 'running', fencing_token = fencing_token + 1, lease_until = now() + $1
        where id = (
            select id from control.provisioning_run
            where (state = 'queued' and next_attempt_at <= now()) or (state = 'running' and lease_until <= now())
            order by next_attempt_at limit 1 for update skip locked)
        returning id, tenant_id, kind, fencing_token, attempts
        """;

    const string Extend = """
        update control.provisioning_run set lease_until = now() + $3 where id = $1 and fencing_token = $2 and state = 'running' returning true
        """;

    // A run that superseded ours was to wait until our lease ended at the latest. We have stopped, so it need not.
    const string Release = """
        with given_back as (
            update control.provisioning_run set lease_until = now() where id = $1 and fencing_token = $2 and state = 'running')
        update control.provisioning_run set next_attempt_at = now()
        where tenant_id = $3 and state = 'queued' and attempts = 0 and next_attempt_at > now()
        """;
}
