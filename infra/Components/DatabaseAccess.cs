using Pulumi;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Rds;
using Pulumi.Aws.Rds.Inputs;
using FunctionLogin = ControlPlane.Platform.Database.FunctionLogin;

namespace ControlPlane.Infra.Components;

/// <summary>
/// How functions reach the database: through RDS Proxy, which keeps connections open for them, with IAM from end to end, so that no function
/// holds a password. RDS Proxy does not serve read replicas: while a standby waits, its functions go to the replica itself.
/// </summary>
public sealed class DatabaseAccess : ComponentResource
{
    public Output<string> Host { get; }

    /// <summary>What the functions connect to; their own doors have to let them out to it.</summary>
    public Output<string> GroupId { get; }

    public Proxy? Proxy { get; }

    readonly StackInfo _stack;
    readonly Output<string>[] _connectsTo;

    public DatabaseAccess(string name, Database database, Network network, bool direct, bool standby, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:data:DatabaseAccess", name, options)
    {
        _stack = stack;
        var inside = new CustomResourceOptions { Parent = this };
        // Also while a standby waits: IAM is changed in us-east-1, which may be the region that a promotion replaces. For the same reason a
        // standby's functions may sign in to the instance and to any proxy, before there is one and afterwards.
        var role = new Role(name, new RoleArgs
        {
            Description = "RDS Proxy signs in to the database as the function that connected",
            AssumeRolePolicy = Policy.TrustedBy("rds.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, inside);
        _ = new RolePolicy(name, new RolePolicyArgs
        {
            Role = role.Id,
            Policy = Policy.Document(new Statement(["rds-db:connect"], [.. FunctionLogin.All.Select(login => (Input<string>)UserArn(database.Instance.ResourceId, login.Function))])),
        }, inside);
        if (direct)
        {
            (Host, GroupId, _connectsTo) = (database.Instance.Address, database.Doors.GroupId, [database.Instance.ResourceId, Output.Create("prx-*")]);
            RegisterOutputs();
            return;
        }

        var doors = new Doors(name, "RDS Proxy, for the functions", network.Vpc.Id, this);
        doors.LetOut("database", Database.Port, database.Doors.GroupId);
        database.Doors.LetIn("proxy", Database.Port, doors.GroupId);
        Proxy = new Proxy(name, new ProxyArgs
        {
            Name = stack.Named("database"),
            EngineFamily = "POSTGRESQL",
            DefaultAuthScheme = "IAM_AUTH",
            RequireTls = true,
            RoleArn = role.Arn,
            VpcSubnetIds = network.DatabaseSubnetIds,
            VpcSecurityGroupIds = { doors.GroupId },
            IdleClientTimeout = 900,
        }, inside);
        var targets = new ProxyDefaultTargetGroup(name, new ProxyDefaultTargetGroupArgs
        {
            DbProxyName = Proxy.Name,
            // The rest is for the environments and for people.
            ConnectionPoolConfig = new ProxyDefaultTargetGroupConnectionPoolConfigArgs { MaxConnectionsPercent = 60, MaxIdleConnectionsPercent = 20, ConnectionBorrowTimeout = 10 },
        }, inside);
        _ = new ProxyTarget(name, new ProxyTargetArgs { DbProxyName = Proxy.Name, TargetGroupName = targets.Name, DbInstanceIdentifier = database.Instance.Identifier }, inside);

        Host = Proxy.Endpoint;
        GroupId = doors.GroupId;
        _connectsTo = standby ? [database.Instance.ResourceId, Output.Create("prx-*")] : [Proxy.Arn.Apply(arn => arn.Split(':')[^1])];
        Accept = doors;
        RegisterOutputs();
    }

    Doors? Accept { get; }

    /// <summary>Opens the way between two groups, on both sides.</summary>
    public void Connect(string who, Doors functions, Database database)
    {
        functions.LetOut("database access", Database.Port, GroupId);
        (Accept ?? database.Doors).LetIn(who, Database.Port, functions.GroupId);
    }

    /// <summary>Lets a function sign in, as its own database user only.</summary>
    public Statement SignInAs(string function) => new(["rds-db:connect"], [.. _connectsTo.Select(resource => (Input<string>)UserArn(resource, function))]);

    public static string UserOf(string function) => FunctionLogin.All.Single(login => login.Function == function).Name;

    Output<string> UserArn(Output<string> resource, string function) => _stack.Account.Arn("rds-db", Output.Format($"dbuser:{resource}/{UserOf(function)}"));
}
