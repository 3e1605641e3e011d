namespace ControlPlane.Provisioning;

/// <summary>When finished runs are deleted, with their steps.</summary>
public static class ProvisioningRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Provisioning, "provisioning_runs", DeleteRuns),
        new(RetentionClasses.Tenants, "chat_settings", DeleteChatSettings),
    ];

    const string DeleteChatSettings = $"""
        delete from control.chat_settings where tenant_id in (select c.tenant_id from control.chat_settings c where c.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    // The newest run of a tenant is its environment's status.
    const string DeleteRuns = """
        delete from control.provisioning_run where id in (
            select id from control.provisioning_run r
            where r.finished_at < $1
              and exists (select 1 from control.provisioning_run newer where newer.tenant_id = r.tenant_id and newer.ordinal > r.ordinal)
            order by r.finished_at limit $2)
        """;
}
