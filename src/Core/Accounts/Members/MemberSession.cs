using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>The member whom a session belongs to.</summary>
/// <param name="Role"><c>owner</c>, <c>billing</c> or <c>viewer</c>.</param>
/// <param name="OtherTenants">Number of other tenants that the person may switch to.</param>
public sealed record MemberSession(Guid Tenant, Guid Member, string Email, string Role, string Organization, int OtherTenants);

public static class MemberSessions
{
    /// <summary>Finds a session and notes that it is in use.</summary>
    /// <param name="idle">How long an unused session lasts.</param>
    /// <returns>null when the session is unknown or has ended.</returns>
    public static Task<MemberSession?> UseSessionAsync(this Session database, string session, TimeSpan idle, CancellationToken ct) =>
        database.FirstAsync(
            "select tenant_id, member_id, email, role, organization, other_tenants from control.use_session($1, $2)",
            row => new MemberSession(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetInt32(5)), ct,
            Credentials.Hash(session), idle);
}
