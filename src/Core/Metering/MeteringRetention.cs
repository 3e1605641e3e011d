namespace ControlPlane.Metering;

/// <summary>When events that left quarantine are deleted, and the batches that did it. Counted events: <see cref="Rollup.DetachUsage"/>.</summary>
public static class MeteringRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Quarantine, "quarantined", DeleteSettled),
        new(RetentionClasses.Quarantine, "quarantine_batches", DeleteBatches),
        new(RetentionClasses.Authorizations, "received_days", DeleteReceived),
        new(RetentionClasses.Tenants, "quarantined", DeleteOfDeleted),
    ];

    const string DeleteSettled = """
        delete from control.quarantine where id in (
            select id from control.quarantine where state <> 'held' and coalesce(replayed_at, discarded_at) < $1 limit $2)
        """;

    // Their text names users.
    const string DeleteOfDeleted = $"""
        delete from control.quarantine where id in (select h.id from control.quarantine h where h.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteBatches = """
        delete from control.quarantine_batch where id in (select id from control.quarantine_batch where finished_at < $1 limit $2)
        """;

    const string DeleteReceived = """
        delete from control.usage_received where (tenant_id, day) in (
            select tenant_id, day from control.usage_received where day < ($1 at time zone 'UTC')::date order by day limit $2)
        """;
}
