using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Accounts.Members;

public abstract record SignInResult
{
    /// <param name="Session">For the cookie; only its hash is stored.</param>
    /// <param name="ExpiresAt">Real time.</param>
    public sealed record SignedIn(string Session, DateTimeOffset ExpiresAt) : SignInResult;
    /// <summary>The password is correct, but the address is not confirmed. The link was mailed again, at most once a minute.</summary>
    public sealed record NotVerified : SignInResult;
    /// <summary>An unknown address or a wrong password: the response and its time are the same.</summary>
    public sealed record Wrong : SignInResult;
}

/// <summary>Starts a member's session of 14 days.</summary>
public sealed class SignIn(ControlDatabase database, Clock clock, ControlPlaneOptions options, Passwords passwords)
{
    public async Task<SignInResult> RunAsync(string? email, string? password, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email) ?? "";
        var member = await FindAsync(EmailAddress.Validate(address) is null ? address : "", ct);
        if (!passwords.Matches(member?.PasswordHash, password ?? ""))
        {
            return new SignInResult.Wrong();
        }

        await using var transaction = await database.BeginAsync(member!.Tenant, ct);
        if (!member.Confirmed)
        {
            await transaction.SendVerificationAsync(clock, options, member.Tenant, member.Id, ct);
            await transaction.CommitAsync(ct);
            return new SignInResult.NotVerified();
        }

        var session = Credentials.New();
        var expiresAt = await transaction.ScalarAsync<DateTimeOffset>(Start, ct, Credentials.Hash(session), member.Tenant, member.Id);
        await transaction.AuditAsync(clock, member.Tenant, $"member:{member.Id}", "member.signed_in", null, ct);
        await transaction.CommitAsync(ct);
        return new SignInResult.SignedIn(session, expiresAt);
    }

    async Task<KnownMember?> FindAsync(string email, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.FindMemberAsync(email, ct);
    }

    const string Start = """
        insert into control.member_session (token_hash, tenant_id, member_id, expires_at) values ($1, $2, $3, now() + interval '14 days')
        returning expires_at
        """;
}
