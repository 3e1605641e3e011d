using Microsoft.Extensions.Logging;

namespace ControlPlane.Database;

/// <summary>
/// Tries work on the database for a bounded time, and not at all while the database is known to be away: for callers that have somewhere else to
/// go. What is given up may be committed all the same, so it must be work that may be repeated.
/// </summary>
public sealed class DatabaseCircuit(ControlDatabase database, ILogger<DatabaseCircuit> log)
{
    /// <summary>Work that takes longer makes us ask whether the database is there at all.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How much longer patient work may take when the database is there and only busy.</summary>
    static readonly TimeSpan MorePatience = TimeSpan.FromSeconds(10);

    /// <summary>A database that needs longer to answer <c>select 1</c>, the wait for a connection included, is away or as good as away.</summary>
    static readonly TimeSpan ProbePatience = TimeSpan.FromSeconds(1);

    /// <summary>Between two looks while it is away. In between nobody waits for it who need not.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();
    Task? _probe;

    /// <summary>When to look again, in milliseconds of the machine's uptime; null while the database is there as far as we know.</summary>
    long? _nextLook;

    /// <summary>Whether the database is known to be away.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return _nextLook is not null;
            }
        }
    }

    /// <param name="work">Must not use what belongs to the caller once the caller has gone on.</param>
    /// <param name="patient">For work that may take long on a busy database.</param>
    /// <param name="insist">For callers with nowhere else to go: patient, and they look for themselves even when somebody has just done so.</param>
    /// <exception cref="DatabaseAwayException">The database is away, or takes too long.</exception>
    /// <exception cref="Exception">Whatever the work throws; <see cref="DatabaseAway.IsDatabaseAway"/> tells what it means.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken ct, bool patient = false, bool insist = false)
    {
        if (!await IsThereAsync(insist))
        {
            throw new DatabaseAwayException("The database was away a moment ago.");
        }

        var cancel = new CancellationTokenSource();
        var running = work(cancel.Token);
        try
        {
            if (!await EndsAsync(running, Patience, ct))
            {
                var more = patient || insist ? MorePatience : TimeSpan.Zero;
                if (!await LookAsync("it does not answer") || !await EndsAsync(running, more, ct))
                {
                    throw new DatabaseAwayException("The database did not answer in time.");
                }
            }

            var result = await running;
            Close();
            return result;
        }
        catch (Exception e) when (running.IsFaulted && e.IsDatabaseAway())
        {
            // One connection that broke says nothing about the others.
            await LookAsync(e.Message);
            throw;
        }
        finally
        {
            GiveUp(running, cancel);
        }
    }

    /// <summary>Whether the database is there as far as we know. While it is away, it is looked for again after a pause, or at once.</summary>
    public async Task<bool> IsThereAsync(bool insist = false)
    {
        lock (_gate)
        {
            if (_nextLook is not { } next)
            {
                return true;
            }

            if (Environment.TickCount64 < next && !insist)
            {
                return false;
            }

            _nextLook = Environment.TickCount64 + (long)Pause.TotalMilliseconds;
        }

        var answers = await AnswersAsync();
        if (answers)
        {
            Close();
        }

        return answers;
    }

    /// <returns>Whether the database answers. If not, nobody waits for it from now on.</returns>
    async Task<bool> LookAsync(string why)
    {
        if (await AnswersAsync())
        {
            return true;
        }

        lock (_gate)
        {
            if (_nextLook is null)
            {
                log.LogWarning("The database is away: {Why}", why);
                _nextLook = Environment.TickCount64 + (long)Pause.TotalMilliseconds;
            }
        }

        return false;
    }

    void Close()
    {
        lock (_gate)
        {
            if (_nextLook is null)
            {
                return;
            }

            _nextLook = null;
        }

        log.LogWarning("The database answers again");
        // What was idle in the meantime was most likely cut off, and would fail whoever gets it next.
        database.ForgetConnections();
    }

    async Task<bool> AnswersAsync()
    {
        Task probe;
        lock (_gate)
        {
            // One at a time, however many ask and however long it takes.
            probe = _probe is { IsCompleted: false } ? _probe : _probe = ProbeAsync();
        }

        return await EndsAsync(probe, ProbePatience, CancellationToken.None) && probe.IsCompletedSuccessfully;
    }

    async Task ProbeAsync()
    {
        var cancel = new CancellationTokenSource();
        var asking = AskAsync(cancel.Token);
        await EndsAsync(asking, ProbePatience, CancellationToken.None);
        GiveUp(asking, cancel);
        await asking;

        async Task AskAsync(CancellationToken ct)
        {
            await using var connection = await database.OpenAppAsync(ct);
            await connection.ExecuteAsync("select 1", ct);
        }
    }

    /// <returns>Whether it has ended within the time, however it did.</returns>
    static async Task<bool> EndsAsync(Task running, TimeSpan within, CancellationToken ct)
    {
        await running.WaitAsync(within, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!running.IsCompleted)
        {
            ct.ThrowIfCancellationRequested();
        }

        return running.IsCompleted;
    }

    static void GiveUp(Task running, CancellationTokenSource cancel)
    {
        if (!running.IsCompleted)
        {
            cancel.CancelOnItsOwn();
        }
    }
}
