namespace ControlPlane.Platform.Retention;

/// <summary>The deleted tenants whose personal data is erased. Each module erases that of its own tables (<see cref="RetentionClasses.Tenants"/>).</summary>
public static class DeletedTenants
{
    /// <summary>Their ids: they were deleted before <c>$1</c>, and nothing is left that needs the data, neither money to collect nor a decision about usage.</summary>
    public const string Erasable = """
        select t.id from control.tenant t
        where t.status = 'deleted' and t.deleted_at < $1 and t.erased_at is null
          and not exists (select from control.subscription s where s.tenant_id = t.id and s.status = 'active')
          and not exists (select from control.invoice i where i.tenant_id = t.id and i.status in ('open', 'pending'))
          and not exists (select from control.quarantine q where q.tenant_id = t.id and q.state = 'held')
        """;

    /// <summary>The pseudonyms of users whose id was erased, as a regular expression.</summary>
    public const string Pseudonym = "^erased-[0-9a-f]{32}$";
}
