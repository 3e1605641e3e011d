using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>A tenant that the person of a session may switch to.</summary>
/// <param name="IsCurrent">The session's own tenant.</param>
public sealed record Membership(Guid Tenant, string Organization, string Role, bool IsCurrent);

/// <summary>Moves a session to another tenant of the same person. The session gets a new token; its expiry stays.</summary>
public sealed class SwitchTenant(ControlDatabase database, Clock clock)
{
    /// <returns>By organization.</returns>
    public async Task<IReadOnlyList<Membership>> ListAsync(string session, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await transaction.QueryAsync(
            "select tenant_id, organization, role, is_current from control.memberships_of_session($1)",
            row => new Membership(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetBoolean(3)), ct, Credentials.Hash(session));
    }

    /// <returns>null when the person is not a member of that tenant, or the session has ended: nothing changed.</returns>
    public async Task<SignInResult.SignedIn?> RunAsync(string session, Guid tenant, CancellationToken ct)
    {
        var next = Credentials.New();
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.FirstAsync(
            "select member_id, expires_at from control.switch_session($1, $2, $3)",
            row => new SwitchedSession(row.GetGuid(0), row.GetFieldValue<DateTimeOffset>(1)), ct, Credentials.Hash(session), Credentials.Hash(next), tenant) is not { } switched)
        {
            return null;
        }

        await transaction.AuditAsync(clock, tenant, $"member:{switched.Member}", "member.signed_in", new { switched = true }, ct);
        await transaction.CommitAsync(ct);
        return new SignInResult.SignedIn(next, switched.ExpiresAt);
    }

    sealed record SwitchedSession(Guid Member, DateTimeOffset ExpiresAt);
}
