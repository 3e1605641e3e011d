namespace ControlPlane.Privacy;

/// <summary>The ids of a deleted tenant's users: <see cref="EraseUsage"/> replaces them, as those of an erased person. Tokens, cost and time stay: invoices follow from them.</summary>
public static class PrivacyRetention
{
    public static IReadOnlyList<Purge> Purges => [new(RetentionClasses.Tenants, "users_queued", QueueUsers)];

    const string QueueUsers = $"""
        insert into control.erasure (tenant_id, user_id, pseudonym, requested_by, requested_at)
        select u.tenant_id, u.user_id, 'erased-' || replace(gen_random_uuid()::text, '-', ''), 'job:retention', now()
        from (select distinct c.tenant_id, c.user_id from control.usage_counter c
              where c.tenant_id in ({DeletedTenants.Erasable}) and c.user_id !~ '{DeletedTenants.Pseudonym}') u
        where not exists (select from control.erasure e where (e.tenant_id, e.user_id) = (u.tenant_id, u.user_id))
        limit $2
        on conflict do nothing
        """;
}
