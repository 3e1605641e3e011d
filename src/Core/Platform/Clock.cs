namespace ControlPlane.Platform;

/// <summary>
/// Business time. Real time, unless this installation is a sandbox whose test clock was set: then time is frozen between moves, as with Stripe's test
/// clocks. Stored in the database, so that all processes of a sandbox have the same time.
/// </summary>
/// <remarks>Leases, retries, sessions and links in mails run on the database's own clock instead (docs/decisions/0002-two-clocks.md).</remarks>
public sealed class Clock(TimeProvider wall, ControlPlaneOptions options) : TimeProvider
{
    // Read on every request and written by MoveAsync; a DateTimeOffset is too wide to be written atomically.
    object? _frozenAt;

    public override DateTimeOffset GetUtcNow() => _frozenAt is DateTimeOffset now ? now : wall.GetUtcNow();

    /// <summary>Whether time is frozen between moves.</summary>
    public bool IsFrozen => _frozenAt is not null;

    /// <summary>The machine's own time, for checks of the transport rather than of accounting: webhook signatures.</summary>
    public DateTimeOffset Wall => wall.GetUtcNow();

    /// <summary>Reads the time that another process may have set.</summary>
    public async Task ReadAsync(ControlDatabase database, CancellationToken ct)
    {
        if (!options.Sandbox)
        {
            return;
        }

        await using var transaction = await database.BeginJobAsync(ct);
        Volatile.Write(ref _frozenAt, await transaction.SandboxTimeAsync(ct));
    }

    /// <returns>False when <paramref name="now"/> is before the current time, which only moves forward.</returns>
    /// <exception cref="InvalidOperationException">This installation is not a sandbox.</exception>
    public async Task<bool> MoveAsync(ControlDatabase database, DateTimeOffset now, CancellationToken ct)
    {
        if (!options.Sandbox)
        {
            throw new InvalidOperationException("Only the clock of a sandbox can be set.");
        }

        await using var transaction = await database.BeginJobAsync(ct);
        // A test clock may lose its last moves in a power cut; waiting for the disk at every stop would take minutes.
        await transaction.ExecuteAsync("set local synchronous_commit = off", ct);
        var moved = await transaction.ScalarAsync<DateTimeOffset?>(Move, ct, now.ToUniversalTime());
        await transaction.CommitAsync(ct);
        if (moved is null)
        {
            await ReadAsync(database, ct);
            return false;
        }

        Volatile.Write(ref _frozenAt, moved);
        return true;
    }

    const string Move = """
        insert into control.sandbox_clock (now) values ($1)
        on conflict (only_row) do update set now = excluded.now where excluded.now >= sandbox_clock.now
        returning now
        """;
}

public static class SandboxTime
{
    /// <returns>The time of the sandbox clock; null when it was never set, as in every real installation.</returns>
    public static Task<DateTimeOffset?> SandboxTimeAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.ScalarAsync<DateTimeOffset?>("select now from control.sandbox_clock", ct);
}
