using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>Database, files, objects, cache, secrets and their backups.</summary>
public sealed partial record DataPlan
{
    /// <summary>Major version; RDS keeps the minor one up to date in the maintenance window.</summary>
    public string PostgresVersion { get; init; } = "17";

    public required string DatabaseClass { get; init; }
    public required int DatabaseGib { get; init; }

    /// <summary>RDS grows the storage by itself up to here.</summary>
    public int DatabaseMaxGib => 10 * DatabaseGib;

    public string DatabaseName { get; init; } = "controlplane";

    /// <summary>Any moment of these days can be restored; 35 is the most that RDS offers.</summary>
    public int PointInTimeDays { get; init; } = 35;

    public string BackupWindowUtc { get; init; } = "02:00-03:00";
    public string MaintenanceWindowUtc { get; init; } = "sun:04:00-sun:05:00";

    /// <summary>7 days are free of charge; more is charged by vCPU.</summary>
    public int PerformanceInsightsDays { get; init; } = 7;

    public int PasswordRotationDays { get; init; } = 30;
    public int LogDays { get; init; } = 90;
    public required string CacheClass { get; init; }

    /// <summary>One primary and its replicas, in different zones.</summary>
    public int CacheNodes { get; init; } = 2;

    /// <summary>Models nobody loaded for so long move to cheaper storage, and come back when they are loaded.</summary>
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
        DatabaseClass = settings.Text("data:databaseClass", DatabaseClassName().IsMatch, "an RDS instance class, e.g. db.m7g.large", "db.m7g.large", "The database, and its copy in a second zone."),
        DatabaseGib = settings.Number("data:databaseGib", 100, 20, 6_553, "Size of the database's storage in GiB; it grows by itself to ten times that."),
        CacheClass = settings.Text("data:cacheClass", CacheClassName().IsMatch, "an ElastiCache node type, e.g. cache.t4g.medium", "cache.t4g.medium", "Each of the two nodes of the cache."),
    };

    [GeneratedRegex("^db\\.[a-z0-9]+\\.[a-z0-9]+$")]
    private static partial Regex DatabaseClassName();

    [GeneratedRegex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$")]
    private static partial Regex CacheClassName();
}

/// <summary>
/// How a tenant sees the shared file system: through an access point that shows one directory, owned by one user id. Provisioning makes one per
/// tenant from these values; at most 10,000 fit one file system.
/// </summary>
public sealed record AccessPointPlan
{
    /// <summary>Models of the shared Ollama; tenants' own live beside it, at {TenantsPath}/{slug}.</summary>
    public string SharedPath { get; init; } = "/models";

    public string TenantsPath { get; init; } = "/tenants";
    public int UserId { get; init; } = 1000;
    public int GroupId { get; init; } = 1000;
    public string Permissions { get; init; } = "0750";

    /// <summary>For provisioning, in the terms of EFS.</summary>
    public IReadOnlyDictionary<string, object> ForTenants() => new Dictionary<string, object>
    {
        ["path"] = $"{TenantsPath}/{{slug}}",
        ["uid"] = UserId,
        ["gid"] = GroupId,
        ["permissions"] = Permissions,
    };
}
