namespace ControlPlane.Accounts.Members;

/// <param name="Confirmed">Whether the person has shown that they receive mail at this address.</param>
sealed record KnownMember(Guid Tenant, Guid Id, string Email, string? PasswordHash, string TenantStatus, bool Confirmed)
{
    /// <summary>Whether the person can sign in with this address.</summary>
    public bool HasAccount => Confirmed && PasswordHash is not null;
}

/// <summary>Finds members and slugs before the tenant is known.</summary>
static class MemberLookup
{
    /// <returns>The membership of an address that signed in last, otherwise the last unconfirmed one; null when the address is unknown.</returns>
    public static Task<KnownMember?> FindMemberAsync(this Transaction transaction, string email, CancellationToken ct) =>
        transaction.FirstAsync(
            "select tenant_id, member_id, email, password_hash, tenant_status, confirmed from control.find_member_by_email($1)",
            row => new KnownMember(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.Get<string>(3), row.GetString(4), row.GetBoolean(5)), ct, email);

    /// <summary>What an address without an account can be confirmed for: a pending signup, the requester's own if possible, and its newest invitation.</summary>
    /// <param name="signedUpHere">The tenant of the last signup in the requester's browser.</param>
    public static Task<List<OpenMember>> FindOpenMembersAsync(
        this Transaction transaction, string email, Guid? signedUpHere, RequestOrigin origin, CancellationToken ct) =>
        transaction.QueryAsync(
            "select tenant_id, member_id, is_signup from control.find_open_members_2($1, $2::uuid, $3)",
            row => new OpenMember(row.GetGuid(0), row.GetGuid(1), row.GetBoolean(2)), ct, email, signedUpHere, origin.NetworkName);

    /// <returns>The first owner of the tenant with this slug; null when the slug is free.</returns>
    public static Task<SlugOwner?> FindSlugAsync(this Transaction transaction, string slug, CancellationToken ct) =>
        transaction.FirstAsync(
            "select tenant_id, member_id, email, password_hash, tenant_status from control.find_owner_by_slug($1)",
            row => new SlugOwner(row.GetGuid(0), row.Get<Guid?>(1), row.Get<string>(2), row.Get<string>(3), row.GetString(4)), ct, slug);
}

/// <param name="IsSignup">Of a pending tenant; otherwise an invitation.</param>
sealed record OpenMember(Guid Tenant, Guid Id, bool IsSignup);

/// <summary>The tenant that has a slug. The owner's fields are null for a tenant without an owner.</summary>
sealed record SlugOwner(Guid Tenant, Guid? Member, string? Email, string? PasswordHash, string TenantStatus);
