using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>The member whom a session belongs to.</summary>
/// <param name="Role"><c>owner</c>, <c>billing</c> or <c>viewer</c>.</param>
public sealed record MemberSession(Guid Tenant, Guid Member, string Email, string Role);

public static class MemberSessions
{
    /// <returns>null when the session is unknown or has expired.</returns>
    public static Task<MemberSession?> FindSessionAsync(this Transaction transaction, string session, CancellationToken ct) =>
        transaction.FirstAsync(
            "select tenant_id, member_id, email, role from control.find_session($1)",
            row => new MemberSession(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3)), ct, Credentials.Hash(session));
}
