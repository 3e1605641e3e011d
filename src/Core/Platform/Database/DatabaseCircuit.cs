using Microsoft.Extensions.Logging;

namespace ControlPlane.Platform.Database;

/// <summary>
/// A circuit breaker: runs database work with a timeout, and fails fast while the database is known to be unavailable. For callers that have a fallback.
/// Work that was abandoned may still be committed, so it has to be idempotent.
/// </summary>
public sealed class DatabaseCircuit(ControlDatabase database, ILogger<DatabaseCircuit> log)
{
    /// <summary>Work that takes longer triggers a probe of the database.</summary>
    static readonly TimeSpan OperationTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Additional time for work that allows it, when the probe shows that the database is only busy.</summary>
    static readonly TimeSpan ExtendedTimeout = TimeSpan.FromSeconds(10);

    /// <summary>For <c>select 1</c>, on a connection of its own.</summary>
    static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Minimum interval between probes while the circuit is open. Callers fail fast in between.</summary>
    static readonly TimeSpan BreakDuration = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();
    Task? _probe;

    /// <summary>When the next probe is due, in milliseconds of the machine's uptime; null while the circuit is closed.</summary>
    long? _nextProbe;

    /// <summary>Whether the database is known to be unavailable.</summary>
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

    /// <param name="work">Must not use resources of the caller after the caller has returned.</param>
    /// <param name="allowExtendedTimeout">For work that may take long on a busy database.</param>
    /// <param name="bypassOpenCircuit">For callers without a fallback: allows the extended timeout and probes even if the circuit is open.</param>
    /// <exception cref="DatabaseUnavailableException">The database is unavailable, or takes too long; or only <see cref="TenantBusyException"/>.</exception>
    /// <exception cref="Exception">Whatever the work throws; see <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/>.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken ct, bool allowExtendedTimeout = false, bool bypassOpenCircuit = false)
    {
        if (!await IsAvailableAsync(bypassOpenCircuit))
        {
            throw new DatabaseUnavailableException("The database was unavailable at the last check.");
        }

        var cancel = new CancellationTokenSource();
        var running = work(cancel.Token);
        try
        {
            if (!await CompletesAsync(running, OperationTimeout, ct))
            {
                var extension = allowExtendedTimeout || bypassOpenCircuit ? ExtendedTimeout : TimeSpan.Zero;
                if (!await ConfirmAvailableAsync("it does not answer") || !await CompletesAsync(running, extension, ct))
                {
                    throw new DatabaseUnavailableException("The database did not answer in time.");
                }
            }

            var result = await running;
            Close();
            return result;
        }
        catch (Exception e) when (running.IsFaulted && e.IsDatabaseUnavailable() && e is not TenantBusyException)
        {
            // One broken connection says nothing about the others.
            await ConfirmAvailableAsync(e.Message);
            throw;
        }
        finally
        {
            Abandon(running, cancel);
        }
    }

    /// <summary>Whether the circuit is closed. While it is open, the database is probed once per <see cref="BreakDuration"/>.</summary>
    /// <param name="bypassOpenCircuit">Probe now.</param>
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

        var answers = await AnswersProbeAsync();
        if (answers)
        {
            Close();
        }

        return answers;
    }

    /// <returns>Whether the database answers. If not, the circuit is open from now on.</returns>
    async Task<bool> ConfirmAvailableAsync(string reason)
    {
        if (await AnswersProbeAsync())
        {
            return true;
        }

        lock (_gate)
        {
            if (_nextProbe is null)
            {
                log.LogWarning("The database is unavailable: {Reason}", reason);
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

        log.LogWarning("The database is available again");
        // Connections that were idle during the outage are most likely dead, and would fail their next user.
        database.ClearPools();
    }

    async Task<bool> AnswersProbeAsync()
    {
        Task probe;
        lock (_gate)
        {
            // One probe at a time, however many callers there are and however long it takes.
            probe = _probe is { IsCompleted: false } ? _probe : _probe = ProbeAsync();
        }

        return await CompletesAsync(probe, ProbeTimeout, CancellationToken.None) && probe.IsCompletedSuccessfully;
    }

    async Task ProbeAsync()
    {
        var cancel = new CancellationTokenSource();
        var query = SelectOneAsync(cancel.Token);
        await CompletesAsync(query, ProbeTimeout, CancellationToken.None);
        Abandon(query, cancel);
        await query;

        async Task SelectOneAsync(CancellationToken ct)
        {
            await using var connection = await database.OpenProbeAsync(ct);
            await connection.ExecuteAsync("select 1", ct);
        }
    }

    /// <returns>Whether it has completed within the timeout, with or without success.</returns>
    static async Task<bool> CompletesAsync(Task running, TimeSpan timeout, CancellationToken ct)
    {
        await running.WaitAsync(timeout, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
