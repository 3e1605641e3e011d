using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.ElastiCache;
using Pulumi.Aws.ElastiCache.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>Redis for the environments: sessions, websockets and cached answers. In two zones, with TLS and a token.</summary>
public sealed class Cache : ComponentResource
{
    public const int Port = 6379;

    public ReplicationGroup Group { get; }

    /// <summary>Ids of its nodes, which metrics go by.</summary>
    public IReadOnlyList<Output<string>> Nodes { get; }

    public Cache(string name, DataPlan plan, Network network, Cluster cluster, Keys keys, Input<string> token, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:data:Cache", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var doors = new Doors(name, "Redis, for the environments", network.Vpc.Id, this);
        doors.LetIn("cluster", Port, cluster.SecurityGroupId);
        var log = new LogGroup(name, new LogGroupArgs { RetentionInDays = 30, KmsKeyId = keys.Logs.Arn }, inside);
        Group = new ReplicationGroup(name, new ReplicationGroupArgs
        {
            ReplicationGroupId = stack.Named(name),
            Description = "Sessions and cached answers of the environments",
            Engine = "redis",
            EngineVersion = "7.1",
            NodeType = plan.CacheClass,
            NumCacheClusters = plan.CacheNodes,
            AutomaticFailoverEnabled = true,
            MultiAzEnabled = true,
            ParameterGroupName = Parameters(name).Name,
            SubnetGroupName = new SubnetGroup(name, new SubnetGroupArgs { SubnetIds = network.DatabaseSubnetIds }, inside).Name,
            SecurityGroupIds = { doors.GroupId },
            TransitEncryptionEnabled = true,
            TransitEncryptionMode = "required",
            AuthToken = token,
            AuthTokenUpdateStrategy = "ROTATE",
            AtRestEncryptionEnabled = true,
            KmsKeyId = keys.Data.Arn,
            SnapshotRetentionLimit = 7,
            SnapshotWindow = "01:00-02:00",
            MaintenanceWindow = plan.MaintenanceWindowUtc,
            AutoMinorVersionUpgrade = true,
            FinalSnapshotIdentifier = stack.Named($"{name}-final"),
            LogDeliveryConfigurations = { Log(log, "slow-log"), Log(log, "engine-log") },
        }, inside);
        Nodes = [.. Enumerable.Range(0, plan.CacheNodes).Select(node => Group.MemberClusters.Apply(nodes => nodes[node]))];
        RegisterOutputs();
    }

    // A session is never worth less than a cached answer: only what has an expiry is thrown out.
    ParameterGroup Parameters(string name) => new(name, new ParameterGroupArgs
    {
        Family = "redis7",
        Parameters = { new ParameterGroupParameterArgs { Name = "maxmemory-policy", Value = "volatile-lru" } },
    }, new CustomResourceOptions { Parent = this });

    static ReplicationGroupLogDeliveryConfigurationArgs Log(LogGroup log, string type) => new()
    {
        Destination = log.Name,
        DestinationType = "cloudwatch-logs",
        LogFormat = "json",
        LogType = type,
    };
}
