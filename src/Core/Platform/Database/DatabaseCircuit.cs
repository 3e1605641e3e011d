using Microsoft.Extensions.Logging;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Tries work on the database for a bounded time, and not at all while the database is known to be away: for callers that have somewhere else to
/// go. What is given up may be committed all the same, so it must be work that may be repeated.
/// </summary>
public sealed class DatabaseCircuit(ControlDatabase database, ILogger<DatabaseCircuit> log)
{
    /// <summary>Work that takes longer makes us ask whether the database is there at all.</summary>
    static readonly TimeSpan OperationTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How much longer patient work may take when the database is there and only busy.</summary>
    static readonly TimeSpan ExtendedTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A database that needs longer to answer <c>select 1</c>, the wait for a connection included, is away or as good as away.</summary>
    static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Between two looks while it is away. In between nobody waits for it who need not.</summary>
    static readonly TimeSpan BreakDuration = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();
    Task? _probe;

    /// <summary>When to look again, in milliseconds of the machine's uptime; null while the database is there as far as we know.</summary>
    long? _nextProbe;

    /// <summary>Whether the database is known to be away.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return _nextProbe is not null;
            }
        }
    }

    /// <param name="work">Must not use what belongs to the caller once the caller has gone on.</param>
    /// <param name="allowExtendedTimeout">For work that may take long on a busy database.</param>
    /// <param name="bypassOpenCircuit">For callers with nowhere else to go: allowExtendedTimeout, and they look for themselves even when somebody has just done so.</param>
    /// <exception cref="DatabaseUnavailableException">The database is away, or takes too long.</exception>
    /// <exception cref="Exception">Whatever the work throws; <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/> tells what it means.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken ct, bool allowExtendedTimeout = false, bool bypassOpenCircuit = false)
    {
        if (!await IsAvailableAsync(bypassOpenCircuit))
        {
            throw new DatabaseUnavailableException("The database was away a moment ago.");
        }

        var cancel = new CancellationTokenSource();
        var running = work(cancel.Token);
        try
        {
            if (!await CompletesAsync(running, OperationTimeout, ct))
            {
                var more = allowExtendedTimeout || bypassOpenCircuit ? ExtendedTimeout : TimeSpan.Zero;
                if (!await ConfirmAvailableAsync("it does not answer") || !await CompletesAsync(running, more, ct))
                {
                    throw new DatabaseUnavailableException("The database did not answer in time.");
                }
            }

            var result = await running;
            Close();
            return result;
        }
        catch (Exception e) when (running.IsFaulted && e.IsDatabaseUnavailable())
        {
            // One connection that broke says nothing about the others.
            await ConfirmAvailableAsync(e.Message);
            throw;
        }
        finally
        {
            Abandon(running, cancel);
        }
    }

    /// <summary>Whether the database is there as far as we know. While it is away, it is looked for again after a pause, or at once.</summary>
    public async Task<bool> IsAvailableAsync(bool bypassOpenCircuit = false)
    {
        lock (_gate)
        {
            if (_nextProbe is not { } next)
            {
                return true;
            }

            if (Environment.TickCount64 < next && !bypassOpenCircuit)
            {
                return false;
            }

            _nextProbe = Environment.TickCount64 + (long)BreakDuration.TotalMilliseconds;
        }

        var answers = await ProbeOnceAsync();
        if (answers)
        {
            Close();
        }

        return answers;
    }

    /// <returns>Whether the database answers. If not, nobody waits for it from now on.</returns>
    async Task<bool> ConfirmAvailableAsync(string why)
    {
        if (await ProbeOnceAsync())
        {
            return true;
        }

        lock (_gate)
        {
            if (_nextProbe is null)
            {
                log.LogWarning("The database is away: {Why}", why);
                _nextProbe = Environment.TickCount64 + (long)BreakDuration.TotalMilliseconds;
            }
        }

        return false;
    }

    void Close()
    {
        lock (_gate)
        {
            if (_nextProbe is null)
            {
                return;
            }

            _nextProbe = null;
        }

        log.LogWarning("The database answers again");
        // What was idle in the meantime was most likely cut off, and would fail whoever gets it next.
        database.ClearPools();
    }

    async Task<bool> ProbeOnceAsync()
    {
        Task probe;
        lock (_gate)
        {
            // One at a time, however many ask and however long it takes.
            probe = _probe is { IsCompleted: false } ? _probe : _probe = ProbeAsync();
        }

        return await CompletesAsync(probe, ProbeTimeout, CancellationToken.None) && probe.IsCompletedSuccessfully;
    }

    async Task ProbeAsync()
    {
        var cancel = new CancellationTokenSource();
        var asking = SelectOneAsync(cancel.Token);
        await CompletesAsync(asking, ProbeTimeout, CancellationToken.None);
        Abandon(asking, cancel);
        await asking;

        async Task SelectOneAsync(CancellationToken ct)
        {
            await using var connection = await database.OpenAppAsync(ct);
            await connection.ExecuteAsync("select 1", ct);
        }
    }

    /// <returns>Whether it has ended within the time, however it did.</returns>
    static async Task<bool> CompletesAsync(Task running, TimeSpan within, CancellationToken ct)
    {
        await running.WaitAsync(within, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!running.IsCompleted)
        {
            ct.ThrowIfCancellationRequested();
        }

        return running.IsCompleted;
    }

    static void Abandon(Task running, CancellationTokenSource cancel)
    {
        if (!running.IsCompleted)
        {
            cancel.CancelOnDedicatedThread();
        }
    }
}
