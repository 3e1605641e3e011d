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

/// <summary>Starts a member's session.</summary>
public sealed class SignIn(
    ControlDatabase database, Clock clock, AccountOptions accounts, AccountMails mails, PasswordAttempts attempts)
{
    public async Task<SignInResult> RunAsync(string? email, string? password, RequestOrigin origin, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email) is { } entered && EmailAddress.Validate(entered) is null ? entered : "";
        if (await attempts.CountAsync(address, origin, ct) is { } retryAfter)
        {
            return new SignInResult.Throttled(retryAfter);
        }

        var member = await FindAsync(address, ct);
        if (!await attempts.CheckAsync(member?.PasswordHash, password ?? "", address, origin, ct))
        {
            return new SignInResult.Wrong();
        }

        await using var transaction = await database.BeginAsync(member!.Tenant, ct);
        await PasswordAttempts.ClearAsync(transaction, address, origin, ct);
        if (!member.Confirmed)
        {
            await mails.SendVerificationAsync(transaction, member.Tenant, member.Id, origin, ct);
            await transaction.CommitAsync(ct);
            return new SignInResult.NotVerified(member.Tenant);
        }

        var session = Credentials.New();
        var expiresAt = await transaction.ScalarAsync<DateTimeOffset>(
            "select control.start_session($1, $2, $3, $4)", ct, member.Id, Credentials.Hash(session), accounts.SessionLifetime, accounts.Sessions);
        await transaction.AuditAsync(clock, member.Tenant, $"member:{member.Id}", "member.signed_in", null, ct);
        await transaction.CommitAsync(ct);
        return new SignInResult.SignedIn(session, expiresAt);
    }

    async Task<KnownMember?> FindAsync(string email, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindMemberAsync(email, ct);
    }
}
