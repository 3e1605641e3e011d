using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Rds;
using Pulumi.Aws.Rds.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// PostgreSQL in two zones: in the primary stack the one that is written to, in a waiting standby a replica that follows it. The owner's
/// password is not left to RDS, because RDS cannot make read replicas of an instance whose password it manages (docs/decisions).
/// </summary>
public sealed class Database : ComponentResource
{
    public const int Port = 5432;
    public const string Owner = "controlplane_owner";

    public Instance Instance { get; }
    public Doors Doors { get; }

    /// <param name="primary"><c>null</c>: this is the primary. Otherwise where a standby finds what to follow.</param>
    public Database(
        string name, DataPlan plan, Network network, Keys keys, Input<string> ownerPassword, Primary? primary, bool follows, StackInfo stack,
        ComponentResourceOptions? options = null)
        : base("controlplane:data:Database", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Doors = new Doors(name, "PostgreSQL, for the proxy, the functions that own it and the environments", network.Vpc.Id, this);
        var settings = new InstanceArgs
        {
            Identifier = stack.Named(name),
            InstanceClass = plan.DatabaseClass,
            MultiAz = true,
            StorageType = "gp3",
            StorageEncrypted = true,
            KmsKeyId = keys.Data.Arn,
            MaxAllocatedStorage = plan.DatabaseMaxGib,
            DbSubnetGroupName = new SubnetGroup(name, new SubnetGroupArgs { SubnetIds = network.DatabaseSubnetIds }, inside).Name,
            VpcSecurityGroupIds = { Doors.GroupId },
            PubliclyAccessible = false,
            ParameterGroupName = Parameters(name, plan).Name,
            CaCertIdentifier = "rds-ca-rsa2048-g1",
            IamDatabaseAuthenticationEnabled = true,
            BackupRetentionPeriod = plan.PointInTimeDays,
            BackupWindow = plan.BackupWindowUtc,
            MaintenanceWindow = plan.MaintenanceWindowUtc,
            CopyTagsToSnapshot = true,
            DeleteAutomatedBackups = false,
            AutoMinorVersionUpgrade = true,
            DeletionProtection = stack.Protect,
            FinalSnapshotIdentifier = stack.Named($"{name}-final"),
            DatabaseInsightsMode = "standard", // What Performance Insights are part of since 2026, and free of charge.
            PerformanceInsightsEnabled = true,
            PerformanceInsightsKmsKeyId = keys.Data.Arn,
            PerformanceInsightsRetentionPeriod = plan.PerformanceInsightsDays,
            MonitoringInterval = 60,
            MonitoringRoleArn = MonitoringRole(name, stack).Arn,
            EnabledCloudwatchLogsExports = [.. s_logs],
        };
        if (primary is not null && follows)
        {
            // Taking the line away makes the replica a database of its own, in place.
            settings.ReplicateSourceDb = primary.Text("databaseArn");
            settings.SkipFinalSnapshot = true;
        }
        else
        {
            settings.Engine = "postgres";
            settings.EngineVersion = plan.PostgresVersion;
            settings.DbName = plan.DatabaseName;
            settings.Username = Owner;
            settings.Password = ownerPassword;
            settings.AllocatedStorage = plan.DatabaseGib;
        }

        Instance = new Instance(name, settings, new CustomResourceOptions
        {
            Parent = this,
            DependsOn = Logs(name, plan, keys, stack),
            IgnoreChanges = { "password" }, // Rotation changes it.
        });
        RegisterOutputs();
    }

    // RDS would make these by itself, unencrypted and kept for ever.
    InputList<Resource> Logs(string name, DataPlan plan, Keys keys, StackInfo stack) =>
    [
        .. s_logs.Select(kind => new LogGroup($"{name}-{kind}", new LogGroupArgs
        {
            Name = $"/aws/rds/instance/{stack.Named(name)}/{kind}", RetentionInDays = plan.LogDays, KmsKeyId = keys.Logs.Arn,
        }, new CustomResourceOptions { Parent = this })),
    ];

    static readonly string[] s_logs = ["postgresql", "upgrade"];

    ParameterGroup Parameters(string name, DataPlan plan) => new(name, new ParameterGroupArgs
    {
        Family = $"postgres{plan.PostgresVersion}",
        Description = "TLS for everyone, and slow statements in the log",
        Parameters =
        {
            new ParameterGroupParameterArgs { Name = "rds.force_ssl", Value = "1" },
            new ParameterGroupParameterArgs { Name = "ssl_min_protocol_version", Value = "TLSv1.2" },
            new ParameterGroupParameterArgs { Name = "log_min_duration_statement", Value = 1_000.ToString(CultureInfo.InvariantCulture) },
            new ParameterGroupParameterArgs { Name = "log_lock_waits", Value = "1" },
            // A bound value can be a mail address or a key: statements are logged with placeholders only.
            new ParameterGroupParameterArgs { Name = "log_parameter_max_length", Value = "0" },
            new ParameterGroupParameterArgs { Name = "log_parameter_max_length_on_error", Value = "0" },
            new ParameterGroupParameterArgs { Name = "idle_in_transaction_session_timeout", Value = 60_000.ToString(CultureInfo.InvariantCulture) },
        },
    }, new CustomResourceOptions { Parent = this });

    Role MonitoringRole(string name, StackInfo stack)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var role = new Role($"{name}-monitoring", new RoleArgs
        {
            Description = "RDS writes the operating system's metrics",
            AssumeRolePolicy = Policy.TrustedBy("monitoring.rds.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, inside);
        _ = new RolePolicyAttachment($"{name}-monitoring", new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("service-role/AmazonRDSEnhancedMonitoringRole"),
        }, inside);
        return role;
    }
}
