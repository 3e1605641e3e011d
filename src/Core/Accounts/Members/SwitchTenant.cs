using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>A tenant that the person of a session may switch to.</summary>
/// <param name="IsCurrent">The session's own tenant.</param>
public sealed record Membership(Guid Tenant, string Organization, string Role, bool IsCurrent);

public abstract record SwitchTenantResult
{
    /// <summary>The session has a new token and the same expiry.</summary>
    public sealed record Switched(SignInResult.SignedIn Session) : SwitchTenantResult;
    /// <summary>The session is one of this tenant already: nothing changed, and nothing was recorded.</summary>
    public sealed record Current : SwitchTenantResult;
    /// <summary>The person is not a member of that tenant, or the session has ended: nothing changed.</summary>
    public sealed record NotFound : SwitchTenantResult;
}

/// <summary>Moves a session to another tenant of the same person.</summary>
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

    public async Task<SwitchTenantResult> RunAsync(string session, Guid tenant, CancellationToken ct)
    {
        // Before the tenant's transaction begins: whoever is not a member must not hold one of its connections.
        switch ((await ListAsync(session, ct)).FirstOrDefault(membership => membership.Tenant == tenant))
        {
            case null:
                return new SwitchTenantResult.NotFound();
            case { IsCurrent: true }:
                return new SwitchTenantResult.Current();
        }

        var next = Credentials.New();
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.FirstAsync(
            "select member_id, expires_at from control.switch_session($1, $2, $3)",
            row => new SwitchedSession(row.GetGuid(0), row.GetFieldValue<DateTimeOffset>(1)), ct, Credentials.Hash(session), Credentials.Hash(next), tenant) is not { } switched)
        {
            return new SwitchTenantResult.NotFound();
        }

        await transaction.AuditAsync(clock, tenant, $"member:{switched.Member}", "member.signed_in", new { switched = true }, ct);
        await transaction.CommitAsync(ct);
        return new SwitchTenantResult.Switched(new SignInResult.SignedIn(next, switched.ExpiresAt));
    }

    sealed record SwitchedSession(Guid Member, DateTimeOffset ExpiresAt);
}
