namespace ControlPlane.Accounts.Members;

/// <summary>An invitation that was not accepted yet.</summary>
/// <param name="HasAccount">The person can already sign in for other tenants, and keeps that password.</param>
public sealed record Invitation(string Email, string Organization, string Role, bool HasAccount);

/// <summary>Accepts an invitation for a person who has an account. All others accept by choosing a password: <see cref="ChoosePassword"/>.</summary>
public sealed class JoinTenant(ControlDatabase database, Clock clock)
{
    const string Purpose = "invite";

    /// <summary>Changes nothing.</summary>
    /// <returns>null when the link is unknown, used or expired.</returns>
    public async Task<Invitation?> FindAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true, Purpose: Purpose } found)
        {
            return null;
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        var invitation = await transaction.FirstAsync(
            Select, row => new Invitation(row.GetString(0), row.GetString(1), row.GetString(2), HasAccount: false), ct, found.Member);
        return invitation! with { HasAccount = await transaction.FindMemberAsync(invitation.Email, ct) is { HasAccount: true } };
    }

    /// <returns>False when the link is unknown, used or expired.</returns>
    public async Task<bool> RunAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true, Purpose: Purpose } found)
        {
            return false;
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        if (!await transaction.UseTokenAsync(found, ct))
        {
            return false;
        }

        await transaction.ConfirmMemberAsync(found.Member, clock.GetUtcNow(), ct);
        await transaction.ExpireLinksAsync(found.Member, ct);
        await transaction.AuditAsync(clock, found.Tenant, $"member:{found.Member}", "invitation.accepted", null, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    const string Select = "select m.email, t.organization, m.role from control.member m join control.tenant t on t.id = m.tenant_id where m.id = $1";
}
