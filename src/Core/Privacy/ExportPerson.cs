using ControlPlane.Accounts;

namespace ControlPlane.Privacy;

/// <param name="Role"><c>owner</c>, <c>billing</c> or <c>viewer</c>.</param>
/// <param name="ConfirmedAt">When the address was confirmed; null for an open invitation or signup.</param>
public sealed record ExportedMembership(
    Guid MemberId, Guid TenantId, string Slug, string Organization, string Role, DateTimeOffset CreatedAt, DateTimeOffset? ConfirmedAt, long Sessions);

public sealed record ExportedMail(Guid? TenantId, string Subject, string Body, DateTimeOffset CreatedAt, DateTimeOffset? SentAt);

/// <summary>Usage of one day and model, in tokens.</summary>
/// <param name="User">The address in lower case, or another id.</param>
public sealed record ExportedUsage(Guid TenantId, string User, DateOnly Day, string Model, long Requests, long PromptTokens, long CompletionTokens);

/// <param name="Action">What a member did, as in the audit log.</param>
public sealed record ExportedAction(Guid? TenantId, string Action, DateTimeOffset OccurredAt);

/// <summary>Everything stored about a person outside of environments. Passwords and sessions are hashes and not included.</summary>
public sealed record PersonExport(
    string Email, DateTimeOffset ExportedAt, IReadOnlyList<ExportedMembership> Memberships, IReadOnlyList<ExportedMail> Mails,
    IReadOnlyList<ExportedUsage> Usage, IReadOnlyList<ExportedAction> Actions);

/// <summary>Collects the data of a person (GDPR, articles 15 and 20).</summary>
public sealed class ExportPerson(ControlDatabase database, Clock clock)
{
    /// <param name="users">Ids of the person in environments. Usage under the address itself is found without them.</param>
    /// <param name="actor">The operator: reading a person's data is audited.</param>
    /// <returns>null: not an email address.</returns>
    public async Task<PersonExport?> RunAsync(string? email, IReadOnlyList<EnvironmentUser> users, string actor, CancellationToken ct)
    {
        if (EmailAddress.Normalize(email) is not { } address || EmailAddress.Validate(address) is not null)
        {
            return null;
        }

        await using var transaction = await database.BeginJobAsync(ct);
        var memberships = await transaction.QueryAsync(
            Memberships,
            row => new ExportedMembership(
                row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetFieldValue<DateTimeOffset>(5), row.Get<DateTimeOffset?>(6), row.GetInt64(7)),
            ct, address);
        var mails = await transaction.QueryAsync(
            Mails, row => new ExportedMail(row.Get<Guid?>(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3), row.Get<DateTimeOffset?>(4)), ct, address);
        var usage = await transaction.QueryAsync(
            Usage,
            row => new ExportedUsage(row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateOnly>(2), row.GetString(3), row.GetInt64(4), row.GetInt64(5), row.GetInt64(6)),
            ct, address, users.Select(user => user.Tenant).ToArray(), users.Select(user => user.User).ToArray());
        var actions = await transaction.QueryAsync(
            Actions, row => new ExportedAction(row.Get<Guid?>(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2)), ct,
            memberships.Select(membership => $"member:{membership.MemberId}").ToArray());
        await transaction.AuditAsync(clock, null, actor, "person.exported", new { members = memberships.Select(membership => membership.MemberId) }, ct);
        await transaction.CommitAsync(ct);
        return new PersonExport(address, clock.GetUtcNow(), memberships, mails, usage, actions);
    }

    const string Memberships = """
        select m.id, m.tenant_id, t.slug, t.organization, m.role, m.created_at, m.confirmed_at, (select count(*) from control.member_session s where s.member_id = m.id)
        from control.member m join control.tenant t on t.id = m.tenant_id where lower(m.email) = lower($1) order by m.created_at, m.id
        """;

    // Without the secrets of links, which would still work.
    const string Mails = """
        select tenant_id, subject, regexp_replace(body, '([?&]token=)[A-Za-z0-9_-]+', '\1…', 'g'), created_at, sent_at
        from control.outbox where lower(recipient) = lower($1) order by created_at, id
        """;

    // The spellings of the address together: a tenant may report any number of them.
    const string Usage = """
        select tenant_id, case when lower(user_id) = lower($1) then lower($1) else user_id end as person, day, model,
               sum(requests)::bigint, sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint
        from control.usage_counter where lower(user_id) = lower($1) or (tenant_id, user_id) in (select * from unnest($2::uuid[], $3::text[]))
        group by tenant_id, person, day, model order by day, tenant_id, person, model
        """;

    const string Actions = "select tenant_id, action, occurred_at from control.audit_log where actor = any($1) order by occurred_at, id";
}
