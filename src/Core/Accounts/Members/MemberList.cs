namespace ControlPlane.Accounts.Members;

/// <param name="Role"><c>owner</c>, <c>billing</c> or <c>viewer</c>.</param>
/// <param name="Invited">The invitation has not been accepted yet.</param>
public sealed record Member(Guid Id, string Email, string Role, bool Invited, DateTimeOffset CreatedAt);

/// <summary>The people who may sign in for a tenant.</summary>
public sealed class MemberList(ControlDatabase database)
{
    public static readonly IReadOnlyList<string> Roles = ["owner", "billing", "viewer"];

    /// <returns>Oldest first.</returns>
    public async Task<IReadOnlyList<Member>> ListAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.QueryAsync(
            Select,
            row => new Member(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetFieldValue<DateTimeOffset>(4)), ct, tenant);
    }

    const string Select = """
        select id, email, role, confirmed_at is null or password_hash is null, created_at from control.member where tenant_id = $1 order by created_at, id
        """;
}
