namespace ControlPlane.Accounts.Members;

/// <summary>
/// Limits attempts at passwords, whatever request makes them. Failures count per account and network; many from all networks together also stop unknown
/// devices. A known device has a count of its own, so a stranger who guesses passwords cannot keep the account's owner out.
/// </summary>
public sealed class PasswordAttempts(ControlDatabase database, AccountOptions accounts, Passwords passwords)
{
    /// <summary>Counts an attempt before the password is checked.</summary>
    /// <param name="address">Normalized. Unknown addresses count, too: otherwise the response would tell them apart.</param>
    /// <returns>When to try again; null when the password may be checked.</returns>
    public async Task<TimeSpan?> CountAsync(string address, RequestOrigin origin, CancellationToken ct)
    {
        await using var session = await database.OpenAppAsync(ct);
        return (origin.IsKnownDevice ? null : await session.CountAsync(RateCounter.Network, KeyOf(origin), accounts.SignInsFromNetwork, ct))
            ?? await session.CountAsync(RateCounter.SignIn, EmailAddress.KeyOf(address), origin, accounts.SignInsToAccount, ct);
    }

    /// <summary>Checks the password of an attempt that was counted. One that is not checked, because too many are waiting, does not count.</summary>
    /// <exception cref="QueueFullException">Too many passwords are waiting to be hashed.</exception>
    public async Task<bool> CheckAsync(string? hash, string password, string address, RequestOrigin origin, CancellationToken ct)
    {
        try
        {
            return await passwords.MatchesAsync(hash, password, origin, ct);
        }
        catch (QueueFullException)
        {
            // Also where the caller no longer waits.
            await TakeBackAsync(address, origin, CancellationToken.None);
            throw;
        }
    }

    /// <summary>After the right password of the account, that is, of the member whom a sign-in with the address finds. Other members with the address may be a
    /// stranger's signups, whose passwords must not start the count again.</summary>
    public static async Task ClearAsync(Transaction transaction, string address, RequestOrigin origin, CancellationToken ct)
    {
        await transaction.ClearCountAsync(RateCounter.SignIn, EmailAddress.KeyOf(address), origin, ct);
        if (!origin.IsKnownDevice)
        {
            await UncountNetworkAsync(transaction, origin, ct);
        }
    }

    /// <summary>Takes back this attempt only, which was not wrong.</summary>
    public async Task TakeBackAsync(string address, RequestOrigin origin, CancellationToken ct)
    {
        await using var session = await database.OpenAppAsync(ct);
        await session.UncountAsync(RateCounter.SignIn, EmailAddress.KeyOf(address), origin.Name, ct);
        if (!origin.IsKnownDevice)
        {
            await UncountNetworkAsync(session, origin, ct);
        }
    }

    static Task UncountNetworkAsync(Statements database, RequestOrigin origin, CancellationToken ct) =>
        database.UncountAsync(RateCounter.Network, KeyOf(origin), RateCounter.NoOrigin, ct);

    static byte[] KeyOf(RequestOrigin origin) => System.Text.Encoding.UTF8.GetBytes(origin.Name);
}
