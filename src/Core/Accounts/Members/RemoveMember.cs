namespace ControlPlane.Accounts.Members;

public abstract record RemoveMemberResult
{
    public sealed record Removed : RemoveMemberResult;
    /// <summary>A tenant keeps at least one confirmed owner.</summary>
    public sealed record LastOwner : RemoveMemberResult;
    public sealed record NotFound : RemoveMemberResult;
}

/// <summary>Ends a person's access to a tenant, including open sessions. The caller must have checked that an owner requests it.</summary>
public sealed class RemoveMember(ControlDatabase database, Clock clock)
{
    public async Task<RemoveMemberResult> RunAsync(Guid tenant, Guid member, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        // One removal at a time: if two owners remove each other at once, one stays.
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        if (!await transaction.ScalarAsync<bool>("select true from control.member where id = $1", ct, member))
        {
            return new RemoveMemberResult.NotFound();
        }

        // Deleting the row deletes the member's sessions and links.
        if (await transaction.ExecuteAsync(Delete, ct, member) == 0)
        {
            return new RemoveMemberResult.LastOwner();
        }

        await transaction.AuditAsync(clock, tenant, actor, "member.removed", new { member }, ct);
        await transaction.CommitAsync(ct);
        return new RemoveMemberResult.Removed();
    }

    const string Delete = """
        delete from control.member m where m.id = $1 and (m.role <> 'owner' or m.confirmed_at is null or exists (
            select 1 from control.member other
            where other.tenant_id = m.tenant_id and other.id <> m.id and other.role = 'owner' and other.confirmed_at is not null))
        """;
}
