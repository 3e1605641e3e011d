namespace ControlPlane.Accounts.Members;

public abstract record ChangeRoleResult
{
    public sealed record Changed : ChangeRoleResult;
    public sealed record Invalid(string Reason) : ChangeRoleResult;
    /// <summary>A tenant keeps at least one confirmed owner.</summary>
    public sealed record LastOwner : ChangeRoleResult;
    public sealed record NotFound : ChangeRoleResult;
}

/// <summary>Gives a member another role and ends the member's sessions. The caller must have checked that an owner requests it.</summary>
public sealed class ChangeRole(ControlDatabase database, Clock clock)
{
    public async Task<ChangeRoleResult> RunAsync(Guid tenant, Guid member, string? role, string actor, CancellationToken ct)
    {
        if (!MemberList.Roles.Contains(role))
        {
            return new ChangeRoleResult.Invalid($"Choose one of the roles {string.Join(", ", MemberList.Roles)}.");
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        // One change at a time: if two owners change each other at once, one stays.
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        if (await transaction.ScalarAsync<string>("select role from control.member where id = $1", ct, member) is not { } former)
        {
            return new ChangeRoleResult.NotFound();
        }

        if (former == role)
        {
            return new ChangeRoleResult.Changed();
        }

        if (await transaction.ExecuteAsync(Update, ct, member, role) == 0)
        {
            return new ChangeRoleResult.LastOwner();
        }

        await transaction.ExecuteAsync("delete from control.member_session where member_id = $1", ct, member);
        await transaction.AuditAsync(clock, tenant, actor, "member.role_changed", new { member, from = former, to = role }, ct);
        await transaction.CommitAsync(ct);
        return new ChangeRoleResult.Changed();
    }

    const string Update = """
        update control.member m set role = $2 where m.id = $1 and (m.role <> 'owner' or m.confirmed_at is null or exists (
            select 1 from control.member other
            where other.tenant_id = m.tenant_id and other.id <> m.id and other.role = 'owner' and other.confirmed_at is not null))
        """;
}
