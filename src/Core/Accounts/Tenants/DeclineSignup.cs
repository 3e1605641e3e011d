using ControlPlane.Accounts.Members;

namespace ControlPlane.Accounts.Tenants;

/// <summary>Deletes a pending signup that a stranger made with the address of a person, who declines it with the link in the mail. The slug is free again.</summary>
public sealed class DeclineSignup(ControlDatabase database, Clock clock)
{
    /// <returns>False when the link is unknown, used or expired, or the signup has been confirmed: nothing changed.</returns>
    public async Task<bool> RunAsync(string? token, CancellationToken ct)
    {
        if (await database.FindTokenAsync(token, ct) is not { IsUsable: true } found)
        {
            return false;
        }

        await using var transaction = await database.BeginAsync(found.Tenant, ct);
        if (!await transaction.ScalarAsync<bool>("select control.decline_signup($1)", ct, found.Hash))
        {
            return false;
        }

        await transaction.AuditAsync(clock, found.Tenant, $"member:{found.Member}", "tenant.declined", null, ct);
        await transaction.CommitAsync(ct);
        return true;
    }
}
