using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

public abstract record SignInResult
{
    /// <param name="Session">For the cookie; only its hash is stored.</param>
    /// <param name="ExpiresAt">Real time.</param>
    public sealed record SignedIn(string Session, DateTimeOffset ExpiresAt) : SignInResult;
    /// <summary>The password is correct, but the address is not confirmed. The link was mailed again, at most once a minute.</summary>
    public sealed record NotVerified(Guid Tenant) : SignInResult;
    /// <summary>An unknown address or a wrong password: the response and its time are the same.</summary>
    public sealed record Wrong : SignInResult;
    /// <summary>Too many failures. The password was not checked.</summary>
    public sealed record Throttled(TimeSpan RetryAfter) : SignInResult;
}

/// <summary>Where a sign-in comes from.</summary>
/// <param name="Name">The network, or a known device: a browser that has signed in to this account before.</param>
public sealed record SignInOrigin(string Name, bool IsKnownDevice)
{
    public static SignInOrigin Device(string id) => new(RateCounter.Device + id, true);

    public static SignInOrigin Network(string network) => new(network, false);
}

/// <summary>
/// Starts a member's session. Failures count per account and network; many failures from all networks together also stop unknown devices. A known device
/// has a count of its own, so a stranger who guesses passwords cannot keep the account's owner out.
/// </summary>
public sealed class SignIn(ControlDatabase database, Clock clock, AccountOptions accounts, AccountMails mails, Passwords passwords)
{
    static readonly TimeSpan Period = TimeSpan.FromHours(1);

    /// <summary>How many networks' worth of failures an account takes before unknown devices are stopped: against distributed guessing.</summary>
    const int Networks = 5;

    public async Task<SignInResult> RunAsync(string? email, string? password, SignInOrigin origin, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email) is { } entered && EmailAddress.Validate(entered) is null ? entered : "";
        // Unknown addresses count, too: otherwise the response would tell them apart.
        var count = await CountAsync(address, origin, ct);
        if (count.Used > accounts.SignInAttempts || (!origin.IsKnownDevice && count.Used + count.Others > (long)Networks * accounts.SignInAttempts))
        {
            return new SignInResult.Throttled(count.RetryAfter);
        }

        var member = await FindAsync(address, ct);
        if (!passwords.Matches(member?.PasswordHash, password ?? ""))
        {
            return new SignInResult.Wrong();
        }

        await using var transaction = await database.BeginAsync(member!.Tenant, ct);
        await transaction.ClearCountAsync(RateCounter.SignIn, EmailAddress.KeyOf(address), origin.Name, ct);
        if (!member.Confirmed)
        {
            await mails.SendVerificationAsync(transaction, member.Tenant, member.Id, ct);
            await transaction.CommitAsync(ct);
            return new SignInResult.NotVerified(member.Tenant);
        }

        var session = Credentials.New();
        var expiresAt = await transaction.ScalarAsync<DateTimeOffset>(
            Start, ct, Credentials.Hash(session), member.Tenant, member.Id, accounts.SessionLifetime);
        await transaction.AuditAsync(clock, member.Tenant, $"member:{member.Id}", "member.signed_in", null, ct);
        await transaction.CommitAsync(ct);
        return new SignInResult.SignedIn(session, expiresAt);
    }

    async Task<RateCount> CountAsync(string address, SignInOrigin origin, CancellationToken ct)
    {
        await using var session = await database.OpenAppAsync(ct);
        return await session.CountAsync(RateCounter.SignIn, EmailAddress.KeyOf(address), origin.Name, Period, ct);
    }

    async Task<KnownMember?> FindAsync(string email, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindMemberAsync(email, ct);
    }

    const string Start = """
        with used as (update control.member set signed_in_at = now() where id = $3)
        insert into control.member_session (token_hash, tenant_id, member_id, expires_at) values ($1, $2, $3, now() + $4)
        returning expires_at
        """;
}
