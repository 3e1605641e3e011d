namespace ControlPlane.Accounts.Members;

public abstract record InviteMemberResult
{
    /// <summary>A mail was queued, also to a person who has an account: accepting adds this tenant to it.</summary>
    public sealed record Invited(Guid Member) : InviteMemberResult;
    public sealed record Invalid(FieldErrors Errors) : InviteMemberResult;
}

/// <summary>Invites a person to sign in for a tenant. The caller must have checked that an owner requests it.</summary>
public sealed class InviteMember(ControlDatabase database, Clock clock, AccountOptions accounts, AccountMails mails)
{
    // Bounds the mail that a tenant can send: the text contains the organization's name, which the tenant chooses.
    const int MaxMembers = 100;

    /// <remarks>Repeating an invitation that was not accepted yet changes the role and sends the mail again, at most once a minute.</remarks>
    public async Task<InviteMemberResult> RunAsync(Guid tenant, string? email, string? role, string actor, CancellationToken ct)
    {
        var address = EmailAddress.Normalize(email);
        var errors = Validate(address, role);
        if (errors.Count > 0)
        {
            return new InviteMemberResult.Invalid(errors);
        }

        if (!await MayInviteAsync(tenant, ct))
        {
            errors.Check("email", $"You have sent {accounts.Invitations} invitations within a day. Try again tomorrow.");
            return new InviteMemberResult.Invalid(errors);
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        if (await transaction.ScalarAsync<long>(CountOthers, ct, tenant, address) >= MaxMembers)
        {
            errors.Check("email", $"You already have {MaxMembers} members. Remove one first.");
            return new InviteMemberResult.Invalid(errors);
        }

        if (await transaction.ScalarAsync<Guid?>(Upsert, ct, Ids.New(clock), tenant, address, role, clock.GetUtcNow()) is not { } member)
        {
            errors.Check("email", "This person is already a member.");
            return new InviteMemberResult.Invalid(errors);
        }

        if (await mails.SendInvitationAsync(transaction, tenant, member, RequestOrigin.Tenant(tenant), ct) is not null)
        {
            errors.Check("email", "This person has received too many invitations today, or too many of yours could not be delivered. Try again tomorrow.");
            return new InviteMemberResult.Invalid(errors);
        }

        await transaction.AuditAsync(clock, tenant, actor, "member.invited", new { member, role }, ct);
        await transaction.CommitAsync(ct);
        return new InviteMemberResult.Invited(member);
    }

    // In a transaction of its own: repeating an invitation counts, even one that is then refused.
    async Task<bool> MayInviteAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var retryAfter = await transaction.CountAsync(RateCounter.Invitation, tenant.ToByteArray(), accounts.InvitationsOfTenant, ct);
        await transaction.CommitAsync(ct);
        return retryAfter is null;
    }

    static FieldErrors Validate(string? email, string? role)
    {
        var errors = new FieldErrors();
        errors.Check("email", EmailAddress.Validate(email));
        errors.Check("role", MemberList.Roles.Contains(role) ? null : $"Choose one of the roles {string.Join(", ", MemberList.Roles)}.");
        return errors;
    }

    const string CountOthers = "select count(*) from control.member where tenant_id = $1 and lower(email) <> lower($2)";

    const string Upsert = """
        insert into control.member (id, tenant_id, email, role, created_at) values ($1, $2, $3, $4, $5)
        on conflict (tenant_id, lower(email)) do update set role = excluded.role where member.confirmed_at is null
        returning id
        """;
}
