using System.Globalization;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Rds;
using Pulumi.Aws.Rds.Inputs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>
/// PostgreSQL in two zones: the writable instance in the primary stack, its read replica in a passive standby. RDS does not manage the
/// owner's password, because it cannot create read replicas of an instance whose password it manages (docs/decisions/0009).
/// </summary>
public sealed class PostgresDatabase : ComponentResource
{
    public const int Port = 5432;
    public const string Owner = "controlplane_owner";

    public Instance Instance { get; }
    public SecurityGroupRules SecurityGroup { get; }

    /// <param name="primary">The source of the replica; <c>null</c> in the primary stack.</param>
    public PostgresDatabase(
        string name, DataPlan plan, VpcNetwork network, Keys keys, Input<string> ownerPassword, PrimaryStackReference? primary, bool isReplica, StackInfo stack,
        ComponentResourceOptions? options = null)
        : base("controlplane:data:Database", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        SecurityGroup = new SecurityGroupRules(name, "PostgreSQL, for the proxy, the functions that own it and the environments", network.Vpc.Id, this);
        var settings = new InstanceArgs
        {
            Identifier = stack.PhysicalName(name),
            InstanceClass = plan.DatabaseClass,
            MultiAz = true,
            StorageType = "gp3",
            StorageEncrypted = true,
            KmsKeyId = keys.Data.Arn,
            MaxAllocatedStorage = plan.DatabaseMaxGib,
            DbSubnetGroupName = new SubnetGroup(name, new SubnetGroupArgs { SubnetIds = network.DatabaseSubnetIds }, childOptions).Name,
            VpcSecurityGroupIds = { SecurityGroup.GroupId },
            PubliclyAccessible = false,
            ParameterGroupName = CreateParameters(name, plan).Name,
            CaCertIdentifier = "rds-ca-rsa2048-g1",
            IamDatabaseAuthenticationEnabled = true,
            BackupRetentionPeriod = plan.PointInTimeDays,
            BackupWindow = plan.BackupWindowUtc,
            MaintenanceWindow = plan.MaintenanceWindowUtc,
            CopyTagsToSnapshot = true,
            DeleteAutomatedBackups = false,
            AutoMinorVersionUpgrade = true,
            DeletionProtection = stack.Protect,
            FinalSnapshotIdentifier = stack.PhysicalName($"{name}-final"),
            DatabaseInsightsMode = "standard", // Includes Performance Insights since 2026, free of charge.
            PerformanceInsightsEnabled = true,
            PerformanceInsightsKmsKeyId = keys.Data.Arn,
            PerformanceInsightsRetentionPeriod = plan.PerformanceInsightsDays,
            MonitoringInterval = 60,
            MonitoringRoleArn = CreateMonitoringRole(name, stack).Arn,
            EnabledCloudwatchLogsExports = [.. Logs],
        };
        if (primary is not null && isReplica)
        {
            // Removing this property promotes the replica in place.
            settings.ReplicateSourceDb = primary.GetOutput("databaseArn");
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
            DependsOn = CreateLogGroups(name, plan, keys, stack),
            IgnoreChanges = { "password" }, // Changed by rotation.
        });
        RegisterOutputs();
    }

    // Otherwise RDS creates these log groups itself, unencrypted and without retention.
    InputList<Resource> CreateLogGroups(string name, DataPlan plan, Keys keys, StackInfo stack) =>
    [
        .. Logs.Select(kind => new LogGroup($"{name}-{kind}", new LogGroupArgs
        {
            Name = $"/aws/rds/instance/{stack.PhysicalName(name)}/{kind}", RetentionInDays = plan.LogDays, KmsKeyId = keys.Logs.Arn,
        }, new CustomResourceOptions { Parent = this })),
    ];

    static readonly string[] Logs = ["postgresql", "upgrade"];

    ParameterGroup CreateParameters(string name, DataPlan plan) => new(name, new ParameterGroupArgs
    {
        Family = $"postgres{plan.PostgresVersion}",
        // Not of all parameters: RDS replaces a group whose description changes.
        Description = "TLS for everyone, and slow statements in the log",
        Parameters =
        {
            new ParameterGroupParameterArgs { Name = "rds.force_ssl", Value = "1" },
            new ParameterGroupParameterArgs { Name = "ssl_min_protocol_version", Value = "TLSv1.2" },
            new ParameterGroupParameterArgs { Name = "log_min_duration_statement", Value = 1_000.ToString(CultureInfo.InvariantCulture) },
            new ParameterGroupParameterArgs { Name = "log_lock_waits", Value = "1" },
            // Parameter values can be email addresses or keys, so only placeholders are logged.
            new ParameterGroupParameterArgs { Name = "log_parameter_max_length", Value = "0" },
            new ParameterGroupParameterArgs { Name = "log_parameter_max_length_on_error", Value = "0" },
            // In kB, for each process: no report fills the disk with its temporary files. Only superusers may set it, so it is the server's.
            new ParameterGroupParameterArgs { Name = "temp_file_limit", Value = (20 * 1_048_576).ToString(CultureInfo.InvariantCulture) },
            new ParameterGroupParameterArgs { Name = "idle_in_transaction_session_timeout", Value = 60_000.ToString(CultureInfo.InvariantCulture) },
        },
    }, new CustomResourceOptions { Parent = this });

    Role CreateMonitoringRole(string name, StackInfo stack)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var role = new Role($"{name}-monitoring", new RoleArgs
        {
            Description = "RDS writes operating system metrics",
            AssumeRolePolicy = Policy.TrustedBy("monitoring.rds.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, childOptions);
        _ = new RolePolicyAttachment($"{name}-monitoring", new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("service-role/AmazonRDSEnhancedMonitoringRole"),
        }, childOptions);
        return role;
    }
}
