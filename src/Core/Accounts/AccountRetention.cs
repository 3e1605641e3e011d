namespace ControlPlane.Accounts;

/// <summary>When signups, links, invitations, sessions, counts of attempts and revoked credentials are deleted.</summary>
public static class AccountRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Signups, "signups", DeleteSignups, IsRealTime: true),
        new(RetentionClasses.Signups, "signups", DeleteOldSignups),
        new(RetentionClasses.Signups, "signup_networks", DeleteNetworks),
        new(RetentionClasses.Links, "links", DeleteLinks, IsRealTime: true),
        new(RetentionClasses.Links, "invitations", DeleteInvitations),
        new(RetentionClasses.Sessions, "sessions", DeleteSessions, IsRealTime: true),
        new(RetentionClasses.Sessions, "sessions", DeleteOperatorSessions, IsRealTime: true),
        new(RetentionClasses.Sessions, "sessions", DeleteOperatorLogins, IsRealTime: true),
        new(RetentionClasses.Sessions, "attempts", DeleteAttempts, IsRealTime: true),
        new(RetentionClasses.Keys, "keys", DeleteKeys),
        new(RetentionClasses.Keys, "keys", DeleteWebhookSecrets),
        new(RetentionClasses.Tenants, "members", DeleteMembers),
        new(RetentionClasses.Tenants, "keys", DeleteKeysOfDeleted),
        new(RetentionClasses.Tenants, "keys", DeleteWebhookSecretsOfDeleted),
        new(RetentionClasses.Tenants, "tenants_erased", EraseTenants),
    ];

    // Where a row may have changed since it was selected, the condition is repeated: the deletion waits for the transaction that changes it, and then evaluates it for the new row.

    // A link is valid for two days after its mail, one to choose a password for an hour. Both activate the tenant.
    const string DeleteSignups = """
        delete from control.tenant where status = 'pending' and id in (
            select id from control.tenant t where t.status = 'pending' and not exists (
                select 1 from control.member_token k where k.tenant_id = t.id and k.purpose in ('verify', 'reset')
                    and k.expires_at > $1 + case k.purpose when 'verify' then interval '2 days' else interval '1 hour' end)
            limit $2)
        """;

    // However often someone asks for another link.
    const string DeleteOldSignups = """
        delete from control.tenant where status = 'pending' and id in (
            select id from control.tenant t where t.status = 'pending' and t.created_at < $1 - interval '30 days' limit $2)
        """;

    const string DeleteNetworks = """
        update control.tenant set signup_network = null where id in (
            select id from control.tenant t where t.signup_network is not null and t.verified_at < $1 - interval '90 days' limit $2)
        """;

    const string DeleteLinks = """
        delete from control.member_token where hash in (select hash from control.member_token where expires_at < $1 order by expires_at limit $2)
        """;

    // The links of an invitation are deleted first.
    const string DeleteInvitations = """
        delete from control.member where confirmed_at is null and id in (
            select m.id from control.member m join control.tenant t on t.id = m.tenant_id
            where m.confirmed_at is null and m.created_at < $1 and t.status <> 'pending'
              and not exists (select 1 from control.member_token k where k.member_id = m.id)
            limit $2)
        """;

    const string DeleteSessions = """
        delete from control.member_session where token_hash in (select token_hash from control.member_session where expires_at < $1 limit $2)
        """;

    const string DeleteOperatorSessions = """
        delete from control.operator_session where token_hash in (select token_hash from control.operator_session where expires_at < $1 limit $2)
        """;

    const string DeleteOperatorLogins = """
        delete from control.operator_login where token_hash in (select token_hash from control.operator_login where expires_at < $1 limit $2)
        """;

    // A count starts again after a day at most.
    const string DeleteAttempts = """
        delete from control.rate_counter c using (
            select scope, subject, origin from control.rate_counter where since < $1 - interval '1 day' order by since limit $2) old
        where (c.scope, c.subject, c.origin) = (old.scope, old.subject, old.origin) and c.since < $1 - interval '1 day'
        """;

    const string DeleteKeys = """
        delete from control.tenant_key where id in (select id from control.tenant_key where revoked_at < $1 limit $2)
        """;

    // With their sessions and links.
    const string DeleteMembers = $"""
        delete from control.member where id in (select m.id from control.member m where m.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteKeysOfDeleted = $"""
        delete from control.tenant_key where id in (select k.id from control.tenant_key k where k.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteWebhookSecretsOfDeleted = $"""
        delete from control.webhook_secret where id in (select w.id from control.webhook_secret w where w.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    // Last: after it, the tenant's data is not looked for again. Its name stays with its invoices, which say the rest as it was.
    const string EraseTenants = $"""
        update control.tenant set address_line1 = null, address_line2 = null, postal_code = null, city = null, address_state = null, invoice_email = null, invoice_reference = null,
            vat_id = null, requested_from = null, signup_network = null, erased_at = now()
        where id in (
            select e.id from ({DeletedTenants.Erasable}) e
            where not exists (select from control.member m where m.tenant_id = e.id)
              and not exists (select from control.usage_counter c where c.tenant_id = e.id and c.user_id !~ '{DeletedTenants.Pseudonym}')
            limit $2)
        """;

    const string DeleteWebhookSecrets = """
        delete from control.webhook_secret where id in (select id from control.webhook_secret where expires_at < $1 limit $2)
        """;
}
