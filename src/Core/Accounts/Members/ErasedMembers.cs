namespace ControlPlane.Accounts.Members;

/// <summary>The memberships of one person, in all tenants, when their data is erased.</summary>
public static class ErasedMembers
{
    /// <returns>The tenants that have a member with the address, in the order of their ids.</returns>
    public static Task<List<Guid>> TenantsOfMemberAsync(this Transaction transaction, string email, CancellationToken ct) =>
        transaction.QueryAsync("select distinct tenant_id from control.member where lower(email) = lower($1) order by 1", row => row.GetGuid(0), ct, email);

    /// <param name="tenant">null: of all tenants.</param>
    /// <returns>Slugs of the tenants that would be left without a confirmed owner.</returns>
    public static Task<List<string>> SlugsOfSoleOwnerAsync(this Transaction transaction, string email, Guid? tenant, CancellationToken ct) =>
        transaction.QueryAsync(SoleOwner, row => row.GetString(0), ct, email, tenant);

    /// <summary>Deletes the memberships in a tenant with their sessions and links. The caller has locked the tenant's row, and checked that an owner stays.</summary>
    /// <returns>Ids of the deleted members. The audit log names them by these ids only, so its entries are pseudonymous from now on.</returns>
    public static Task<List<Guid>> DeleteMembersAsync(this Transaction transaction, Guid tenant, string email, CancellationToken ct) =>
        transaction.QueryAsync("delete from control.member where tenant_id = $1 and lower(email) = lower($2) returning id", row => row.GetGuid(0), ct, tenant, email);

    const string SoleOwner = """
        select t.slug from control.member m join control.tenant t on t.id = m.tenant_id
        where lower(m.email) = lower($1) and ($2::uuid is null or t.id = $2) and m.role = 'owner' and m.confirmed_at is not null and not t.is_deleted
          and not exists (select 1 from control.member other
                          where other.tenant_id = m.tenant_id and other.id <> m.id and other.role = 'owner' and other.confirmed_at is not null)
        order by t.slug
        """;
}
