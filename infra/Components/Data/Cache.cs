using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.ElastiCache;
using Pulumi.Aws.ElastiCache.Inputs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>Redis for the environments: sessions, websockets and cached responses. In two zones, with TLS and an auth token.</summary>
public sealed class Cache : ComponentResource
{
    public const int Port = 6379;

    public ReplicationGroup Group { get; }

    /// <summary>Node ids, the dimension of ElastiCache metrics.</summary>
    public IReadOnlyList<Output<string>> Nodes { get; }

    public Cache(string name, DataPlan plan, VpcNetwork network, EksCluster cluster, Keys keys, Input<string> token, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:data:Cache", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var securityGroup = new SecurityGroupRules(name, "Redis, for the environments", network.Vpc.Id, this);
        securityGroup.AllowIngress("cluster", Port, cluster.SecurityGroupId);
        var log = new LogGroup(name, new LogGroupArgs { RetentionInDays = 30, KmsKeyId = keys.Logs.Arn }, childOptions);
        Group = new ReplicationGroup(name, new ReplicationGroupArgs
        {
            ReplicationGroupId = stack.PhysicalName(name),
            Description = "Sessions and cached responses of the environments",
            Engine = "redis",
            EngineVersion = "7.1",
            NodeType = plan.CacheClass,
            NumCacheClusters = plan.CacheNodes,
            AutomaticFailoverEnabled = true,
            MultiAzEnabled = true,
            ParameterGroupName = CreateParameters(name).Name,
            SubnetGroupName = new SubnetGroup(name, new SubnetGroupArgs { SubnetIds = network.DatabaseSubnetIds }, childOptions).Name,
            SecurityGroupIds = { securityGroup.GroupId },
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
            FinalSnapshotIdentifier = stack.PhysicalName($"{name}-final"),
            LogDeliveryConfigurations = { DeliverTo(log, "slow-log"), DeliverTo(log, "engine-log") },
        }, childOptions);
        Nodes = [.. Enumerable.Range(0, plan.CacheNodes).Select(node => Group.MemberClusters.Apply(nodes => nodes[node]))];
        RegisterOutputs();
    }

    // Evict only keys with an expiry: sessions must not be evicted for cached responses.
    ParameterGroup CreateParameters(string name) => new(name, new ParameterGroupArgs
    {
        Family = "redis7",
        Parameters = { new ParameterGroupParameterArgs { Name = "maxmemory-policy", Value = "volatile-lru" } },
    }, new CustomResourceOptions { Parent = this });

    static ReplicationGroupLogDeliveryConfigurationArgs DeliverTo(LogGroup log, string type) => new()
    {
        Destination = log.Name,
        DestinationType = "cloudwatch-logs",
        LogFormat = "json",
        LogType = type,
    };
}
