namespace ControlPlane.Platform;

/// <summary>
/// Business time. Real time, unless this installation is a sandbox whose test clock was set: then time stands still between
/// moves, as with Stripe's test clocks. Kept in the database, so that every process of a sandbox has the same time.
/// </summary>
/// <remarks>Leases, retries, sessions and links in mails run on the database's own clock instead (docs/decisions/0002-two-clocks.md).</remarks>
public sealed class Clock(TimeProvider wall, ControlPlaneOptions options) : TimeProvider
{
    // Read on every request and written by MoveAsync; a DateTimeOffset is too wide to be written atomically.
    object? _frozenAt;

    public override DateTimeOffset GetUtcNow() => _frozenAt is DateTimeOffset now ? now : wall.GetUtcNow();

    /// <summary>Whether time stands still between moves.</summary>
    public bool IsFrozen => _frozenAt is not null;

    /// <summary>The machine's own time, for what guards the wire and not the books: webhook signatures.</summary>
    public DateTimeOffset Wall => wall.GetUtcNow();

    /// <summary>Takes over the time another process may have set.</summary>
    public async Task ReadAsync(ControlDatabase database, CancellationToken ct)
    {
        if (!options.Sandbox)
        {
            return;
        }

        await using var transaction = await database.BeginJobAsync(ct);
        Volatile.Write(ref _frozenAt, await transaction.SandboxTimeAsync(ct));
    }

    /// <returns>False when <paramref name="now"/> is before the present: time only moves forward.</returns>
    /// <exception cref="InvalidOperationException">This installation is not a sandbox.</exception>
    public async Task<bool> MoveAsync(ControlDatabase database, DateTimeOffset now, CancellationToken ct)
    {
        if (!options.Sandbox)
        {
            throw new InvalidOperationException("The clock of a real installation cannot be set.");
        }

        await using var transaction = await database.BeginJobAsync(ct);
        // A test clock may lose its last moments with the machine's power; waiting for the disk at every stop would cost minutes.
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
    /// <returns>What the sandbox clock shows; null when it was never set, as in every real installation.</returns>
    public static Task<DateTimeOffset?> SandboxTimeAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.ScalarAsync<DateTimeOffset?>("select now from control.sandbox_clock", ct);
}
