using ControlPlane.Platform.Database;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Rds;
using Pulumi.Aws.Rds.Inputs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>
/// How functions connect to the database: through RDS Proxy, which pools connections, with end-to-end IAM authentication, so that no function
/// holds a password. RDS Proxy does not support read replicas: the functions of a passive standby connect to the replica itself.
/// </summary>
public sealed class DatabaseAccess : ComponentResource
{
    public Output<string> Host { get; }

    /// <summary>The security group of <see cref="Host"/>, which the functions need egress to.</summary>
    public Output<string> GroupId { get; }

    /// <summary><c>null</c>: functions connect to the instance directly.</summary>
    public Proxy? Proxy { get; }

    readonly StackInfo _stack;
    readonly Output<string>[] _databaseResourceIds;
    readonly SecurityGroupRules? _proxyGroup;

    /// <param name="isDirect">Without RDS Proxy.</param>
    public DatabaseAccess(string name, DataPlan plan, PostgresDatabase database, VpcNetwork network, bool isDirect, bool isStandby, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:data:DatabaseAccess", name, options)
    {
        _stack = stack;
        var childOptions = new CustomResourceOptions { Parent = this };
        // A passive standby has this role, too: IAM's control plane is in us-east-1, which may be the region that failed, so a promotion must not change
        // IAM. For the same reason the functions of a standby may always connect to both the instance and any proxy.
        var role = new Role(name, new RoleArgs
        {
            Description = "RDS Proxy signs in to the database as the function that connected",
            AssumeRolePolicy = Policy.TrustedBy("rds.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, childOptions);
        _ = new RolePolicy(name, new RolePolicyArgs
        {
            Role = role.Id,
            Policy = Policy.Document(new Statement(["rds-db:connect"], [.. FunctionLogin.All.Select(login => (Input<string>)DatabaseUserArn(database.Instance.ResourceId, login.Function))])),
        }, childOptions);
        if (isDirect)
        {
            (Host, GroupId, _databaseResourceIds) = (database.Instance.Address, database.SecurityGroup.GroupId, [database.Instance.ResourceId, Output.Create("prx-*")]);
            RegisterOutputs();
            return;
        }

        _proxyGroup = new SecurityGroupRules(name, "RDS Proxy, for the functions", network.Vpc.Id, this);
        _proxyGroup.AllowEgress("database", PostgresDatabase.Port, database.SecurityGroup.GroupId);
        database.SecurityGroup.AllowIngress("proxy", PostgresDatabase.Port, _proxyGroup.GroupId);
        Proxy = new Proxy(name, new ProxyArgs
        {
            Name = stack.PhysicalName("database"),
            EngineFamily = "POSTGRESQL",
            DefaultAuthScheme = "IAM_AUTH",
            RequireTls = true,
            RoleArn = role.Arn,
            VpcSubnetIds = network.DatabaseSubnetIds,
            VpcSecurityGroupIds = { _proxyGroup.GroupId },
            IdleClientTimeout = 900,
        }, childOptions);
        var targets = new ProxyDefaultTargetGroup(name, new ProxyDefaultTargetGroupArgs
        {
            DbProxyName = Proxy.Name,
            // The remaining connections are for the environments and for administrators.
            ConnectionPoolConfig = new ProxyDefaultTargetGroupConnectionPoolConfigArgs { MaxConnectionsPercent = plan.ProxyConnectionsPercent, MaxIdleConnectionsPercent = 20, ConnectionBorrowTimeout = 10 },
        }, childOptions);
        _ = new ProxyTarget(name, new ProxyTargetArgs { DbProxyName = Proxy.Name, TargetGroupName = targets.Name, DbInstanceIdentifier = database.Instance.Identifier }, childOptions);

        Host = Proxy.Endpoint;
        GroupId = _proxyGroup.GroupId;
        _databaseResourceIds = isStandby ? [database.Instance.ResourceId, Output.Create("prx-*")] : [Proxy.Arn.Apply(arn => arn.Split(':')[^1])];
        RegisterOutputs();
    }

    /// <summary>Allows traffic from a function to the proxy or the instance, by egress and ingress rules.</summary>
    public void AllowTraffic(string peer, SecurityGroupRules functionGroup, PostgresDatabase database)
    {
        functionGroup.AllowEgress("database access", PostgresDatabase.Port, GroupId);
        (_proxyGroup ?? database.SecurityGroup).AllowIngress(peer, PostgresDatabase.Port, functionGroup.GroupId);
    }

    /// <summary>Allows a function to connect as its own database user.</summary>
    public Statement ConnectStatement(string function) => new(["rds-db:connect"], [.. _databaseResourceIds.Select(id => (Input<string>)DatabaseUserArn(id, function))]);

    public static string UserFor(string function) => FunctionLogin.All.Single(login => login.Function == function).Name;

    Output<string> DatabaseUserArn(Output<string> resourceId, string function) => _stack.Account.Arn("rds-db", Output.Format($"dbuser:{resourceId}/{UserFor(function)}"));
}
