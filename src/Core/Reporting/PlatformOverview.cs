using ControlPlane.Metering.Ingestion;
using ControlPlane.Provisioning;

namespace ControlPlane.Reporting;

/// <param name="Environments">By state.</param>
/// <param name="QuarantineHeld">Events that could not be counted and need an operator.</param>
/// <param name="QuarantineFull">Tenants whose rejected events are returned to their senders, because there is no room to keep more.</param>
/// <param name="MailFailing">Messages of which at least one attempt failed and another one follows.</param>
public sealed record PlatformOverview(
    IReadOnlyDictionary<string, long> Tenants, IReadOnlyDictionary<string, long> Environments, long TokensToday, long RequestsToday,
    long QuarantineHeld, IReadOnlyList<FullQuarantine> QuarantineFull, long MailFailing, DeadDeliveries Dead, IReadOnlyList<FailedEnvironment> Failed,
    IReadOnlyList<JobState> Jobs, EnvironmentCapacity Capacity);

public sealed record FullQuarantine(Guid Tenant, string Slug, long Events);

public sealed record FailedEnvironment(Guid Tenant, string Slug, string? Step, string? Reason, DateTimeOffset Since);

public static class Overviews
{
    public static async Task<PlatformOverview> OverviewAsync(
        this Transaction transaction, ReadEnvironmentCapacity capacity, QuarantineQuota quota, DateTimeOffset now, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var tenants = await transaction.QueryAsync(TenantsByStatus, row => (Key: row.GetString(0), Count: row.GetInt64(1)), ct);
        var environments = await transaction.QueryAsync(EnvironmentsByState, row => (Key: row.GetString(0), Count: row.GetInt64(1)), ct);
        var (tokens, requests, held, mail) = await transaction.FirstAsync(
            Numbers, row => (row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)), ct, today);
        var failed = await transaction.QueryAsync(
            FailedEnvironments,
            row => new FailedEnvironment(
                row.GetGuid(0), row.GetString(1), row.Get<string>(2), row.Get<string>(3), row.GetFieldValue<DateTimeOffset>(4)),
            ct);
        return new PlatformOverview(
            tenants.ToDictionary(t => t.Key, t => t.Count), environments.ToDictionary(e => e.Key, e => e.Count), tokens, requests, held,
            await transaction.QueryAsync(
                FullQuarantines, row => new FullQuarantine(row.GetGuid(0), row.GetString(1), row.GetInt64(2)), ct, quota.Events, quota.Bytes - Reserve(quota)),
            mail, await transaction.DeadDeliveriesAsync(now, ct), failed,
            await transaction.JobStatesAsync(ct), await capacity.RunAsync(transaction, ct));
    }

    // Bytes are full a little earlier, because an event may be large.
    static long Reserve(QuarantineQuota quota) => quota.Bytes / 20;

    const string FullQuarantines = """
        select q.tenant_id, coalesce(t.slug, q.tenant_id::text), q.events from (
            select tenant_id, count(*) as events from control.quarantine where state = 'held'
            group by tenant_id having count(*) >= $1 or sum(bytes) >= $2) q
        left join control.tenant t on t.id = q.tenant_id order by q.events desc limit 20
        """;

    const string TenantsByStatus = "select status, count(*) from control.tenant group by status";

    const string EnvironmentsByState = $"""
        select coalesce(e.state, 'requested'), count(*) from control.tenant t left join control.environment e on e.tenant_id = t.id
        where e.tenant_id is not null or ({MissingEnvironments.IsMissing}) group by 1
        """;

    const string Numbers = """
        select coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint, coalesce(sum(requests), 0)::bigint,
               (select count(*) from control.quarantine where state = 'held'),
               (select count(*) from control.outbox where sent_at is null and dead_at is null and last_error is not null)
        from control.usage_counter where day = $1
        """;

    const string FailedEnvironments = """
        select e.tenant_id, t.slug, e.failed_step, e.failed_reason, e.updated_at
        from control.environment e join control.tenant t on t.id = e.tenant_id
        where e.state = 'failed' order by e.updated_at desc limit 20
        """;
}
