using Microsoft.Extensions.Logging;

namespace ControlPlane.Provisioning;

/// <summary>The last copy of a deleted tenant's environment: made as a step of its deletion, and deleted after the retention of <see cref="RetentionClasses.Tenants"/>.</summary>
public sealed class LastCopy(ControlDatabase database, IDataPlane dataPlane, RetentionPolicy retention, Clock clock, ILogger<LastCopy> log)
{
    const int PerRun = 1_000;

    /// <summary>The step <c>backup</c>. As long as it fails, nothing is removed.</summary>
    public async Task<string> MakeAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var detail = await dataPlane.BackUpAsync(environment, ct);
        await lease.WriteAsync(transaction => transaction.ExecuteAsync(Record, ct, environment.Tenant, clock.GetUtcNow()), ct);
        return detail;
    }

    /// <summary>A part of the job <c>storage</c>. One that cannot be deleted is tried again by the next run, and keeps no other.</summary>
    public async Task<JobReport> DeleteExpiredAsync(CancellationToken ct)
    {
        List<Guid> expired;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            expired = await transaction.QueryAsync(Expired, row => row.GetGuid(0), ct, clock.GetUtcNow() - retention[RetentionClasses.Tenants], PerRun);
        }

        var parts = new JobParts(JobSchedules.Storage, log);
        var deleted = 0;
        foreach (var tenant in expired)
        {
            await parts.TryAsync("delete the last copy of the environment", tenant, () => DeleteAsync(tenant), ct);
        }

        return JobReport.Of(("last_copies", deleted)) with { Failures = parts.Failures };

        async Task DeleteAsync(Guid tenant)
        {
            await dataPlane.RemoveBackupAsync(tenant, ct);
            await using var transaction = await database.BeginJobAsync(ct);
            await transaction.ExecuteAsync(Record, ct, tenant, null);
            await transaction.AuditAsync(clock, tenant, "job:retention", "environment.last_copy_deleted", null, ct);
            await transaction.CommitAsync(ct);
            deleted++;
        }
    }

    const string Record = "update control.environment set last_copy_at = $2 where tenant_id = $1";

    const string Expired = """
        select e.tenant_id from control.environment e join control.tenant t on t.id = e.tenant_id
        where e.last_copy_at is not null and t.deleted_at < $1 order by t.deleted_at limit $2
        """;
}
