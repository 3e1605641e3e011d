namespace ControlPlane.Web.Shared;

/// <summary>Any client may ask whether the process is ready, so the database is asked by one probe at a time, whose result is shared for a second.</summary>
sealed class ReadinessProbe(ControlDatabase database, DatabaseCircuit circuit)
{
    static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();
    Task<IReadOnlyList<string>>? _probe;
    long _startedAt;

    /// <returns>The migrations and functions of this version that the database lacks.</returns>
    /// <exception cref="Exception">The database is unavailable: <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/>.</exception>
    public Task<IReadOnlyList<string>> RunAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            if (_probe is null || (_probe.IsCompleted && Environment.TickCount64 - _startedAt >= Lifetime.TotalMilliseconds))
            {
                // Not cancelled with the request, because others share the result.
                (_probe, _startedAt) = (circuit.RunAsync(ReadMissingAsync, CancellationToken.None, bypassOpenCircuit: true), Environment.TickCount64);
            }

            return _probe.WaitAsync(ct);
        }
    }

    async Task<IReadOnlyList<string>> ReadMissingAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await SchemaScripts.ReadMissingAsync(transaction, ct);
    }
}
