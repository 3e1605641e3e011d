namespace ControlPlane.Accounts.Members;

/// <summary>A person has one password for all tenants: members with the same confirmed address share it.</summary>
static class SharedPassword
{
    /// <summary>Confirms a member's address. The password that the person already has for other tenants replaces one that was chosen before.</summary>
    public static Task ConfirmMemberAsync(this Transaction transaction, Guid member, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync("select control.confirm_member($1, $2)", ct, member, now);

    /// <summary>Sets the person's password for all tenants and ends all their sessions.</summary>
    public static Task SetPasswordAsync(this Transaction transaction, Guid member, string hash, CancellationToken ct) =>
        transaction.ExecuteAsync("select control.set_password($1, $2)", ct, member, hash);

    /// <summary>Records what a person changed with a link in the audit log of each of their tenants.</summary>
    public static async Task AuditPersonAsync(this Transaction transaction, Clock clock, FoundToken token, string action, CancellationToken ct)
    {
        await transaction.AuditAsync(clock, token.Tenant, $"member:{token.Member}", action, null, ct);
        await transaction.ExecuteAsync("select control.audit_other_tenants($1, $2, $3)", ct, token.Member, action, clock.GetUtcNow());
    }
}
