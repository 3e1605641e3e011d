using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>Database, files, objects, cache, secrets and their backups.</summary>
public sealed partial record DataPlan
{
    /// <summary>Major version; RDS upgrades minor versions in the maintenance window.</summary>
    public string PostgresVersion { get; init; } = "17";

    public required string DatabaseClass { get; init; }
    public required int DatabaseGib { get; init; }

    /// <summary>Limit of RDS storage autoscaling.</summary>
    public int DatabaseMaxGib => 10 * DatabaseGib;

    /// <summary>Of the server's connections, for RDS Proxy, and thus for all functions together. The others are for administrators.</summary>
    public int ProxyConnectionsPercent { get; init; } = 60;

    public string DatabaseName { get; init; } = "controlplane";

    /// <summary>Days of point-in-time recovery; 35 is the maximum of RDS.</summary>
    public int PointInTimeDays { get; init; } = 35;

    public string BackupWindowUtc { get; init; } = "02:00-03:00";
    public string MaintenanceWindowUtc { get; init; } = "sun:04:00-sun:05:00";

    /// <summary>7 days are free of charge; longer retention is charged per vCPU.</summary>
    public int PerformanceInsightsDays { get; init; } = 7;

    public int PasswordRotationDays { get; init; } = 30;
    public int LogDays { get; init; } = 90;
    public required string CacheClass { get; init; }

    /// <summary>One primary and its replicas in other zones.</summary>
    public int CacheNodes { get; init; } = 2;

    /// <summary>Models that have not been loaded for this long move to infrequent-access storage, and back on the next load.</summary>
    public int FilesColdAfterDays { get; init; } = 30;

    public int OldModelVersionsColdAfterDays { get; init; } = 30;
    public int OldModelVersionsKeptDays { get; init; } = 365;

    public string DailyBackupUtc { get; init; } = "cron(0 3 * * ? *)";
    public int DailyBackupsKeptDays { get; init; } = 35;
    public string MonthlyBackupUtc { get; init; } = "cron(0 5 1 * ? *)";
    public int MonthlyBackupsKeptDays { get; init; } = 365;

    public AccessPointPlan AccessPoint { get; init; } = new();

    public static DataPlan Read(Settings settings) => new()
    {
        DatabaseClass = settings.Text("data:databaseClass", DatabaseClassName().IsMatch, "an RDS instance class, e.g. db.m7g.large", "db.m7g.large", "Instance class of the database and its Multi-AZ standby."),
        DatabaseGib = settings.Number("data:databaseGib", 100, 20, 6_553, "Initial size of the database's storage in GiB. It grows automatically, up to ten times as large."),
        CacheClass = settings.Text("data:cacheClass", CacheClassName().IsMatch, "an ElastiCache node type, e.g. cache.t4g.medium", "cache.t4g.medium", "Node type of the two Redis nodes."),
    };

    [GeneratedRegex("^db\\.[a-z0-9]+\\.[a-z0-9]+$")]
    private static partial Regex DatabaseClassName();

    [GeneratedRegex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$")]
    private static partial Regex CacheClassName();
}

/// <summary>
/// The EFS access point of a tenant: one directory of the shared file system, owned by one user id. Provisioning creates one per tenant with these
/// values. A file system has at most 10,000 access points.
/// </summary>
public sealed record AccessPointPlan
{
    /// <summary>Models of the shared Ollama. Tenants' models are at {TenantsPath}/{tenant_id}.</summary>
    public string SharedPath { get; init; } = "/models";

    public string TenantsPath { get; init; } = "/tenants";
    public int UserId { get; init; } = 1000;
    public int GroupId { get; init; } = 1000;
    public string Permissions { get; init; } = "0750";

    /// <summary>The values for provisioning, named as in the EFS API.</summary>
    public IReadOnlyDictionary<string, object> ForTenants() => new Dictionary<string, object>
    {
        ["path"] = $"{TenantsPath}/{{tenant_id}}",
        ["uid"] = UserId,
        ["gid"] = GroupId,
        ["permissions"] = Permissions,
    };
}
