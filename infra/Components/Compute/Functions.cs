using System.Globalization;
using System.Text.Json;
using Pulumi.Aws.Lambda;
using Pulumi.Aws.Lambda.Inputs;
using Pulumi.Aws.SecretsManager;
using Pulumi.Aws.SecretsManager.Inputs;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>The components that the functions use.</summary>
/// <param name="TenantRegion">The region recorded for new tenants.</param>
/// <param name="SecondRegion"><c>null</c>: nothing is copied to another region.</param>
public sealed record FunctionDependencies(
    Input<string> TenantRegion, PostgresDatabase Database, DatabaseAccess DatabaseAccess, Secrets Secrets, EksCluster Cluster, ModelFiles Files, Cache Cache, Queues Queues, MailSender Mail,
    SecondRegion? SecondRegion);

/// <summary>The control plane's functions, each with least privilege.</summary>
public sealed class Functions : ComponentResource
{
    public ControlFunction Api { get; }
    public ControlFunction Usage { get; }
    public ControlFunction Authorize { get; }
    public ControlFunction Jobs { get; }
    public ControlFunction Provision { get; }
    public ControlFunction Database { get; }

    readonly string _name;
    readonly Plan _plan;
    readonly VpcNetwork _network;
    readonly Keys _keys;
    readonly StackInfo _stack;
    readonly FunctionDependencies _dependencies;
    readonly LambdaPolicies _policies;
    readonly Resource? _migration;

    public Functions(string name, Plan plan, VpcNetwork network, Keys keys, FunctionDependencies dependencies, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:functions:Functions", name, options)
    {
        (_name, _plan, _network, _keys, _stack, _dependencies) = (name, plan, network, keys, stack, dependencies);
        _policies = new LambdaPolicies(dependencies, plan, stack);
        var functions = plan.Functions;
        var groups = new LambdaSecurityGroups(name, dependencies, network, this);
        var (provision, overflow, failed) = (dependencies.Queues.Provision.Queue, dependencies.Queues.Overflow.Queue, dependencies.Queues.Failed);

        var databaseGroup = groups.Create(functions.Database, bypassProxy: true);
        Database = CreateFunction(functions.Database, databaseGroup, isWarm: false,
            [("CONTROLPLANE_DATABASE_OWNER_SECRET", dependencies.Secrets.Owner)], [.. _policies.DatabaseAdminStatements()]);
        if (!plan.IsPassive)
        {
            _migration = Migrate([network, .. databaseGroup.Rules, .. dependencies.Database.SecurityGroup.Rules]);
            RotateOwnerPassword();
        }

        (string, Input<string>) provisionQueue = ("CONTROLPLANE_PROVISION_QUEUE", provision.Url), originSecret = ("CONTROLPLANE_ORIGIN_SECRET", dependencies.Secrets.Origin);
        Api = CreateFunction(functions.Api, groups.Create(functions.Api), isWarm: true, [provisionQueue, originSecret],
            LambdaPolicies.ReadSecrets(dependencies.Secrets.Origin), LambdaPolicies.SendTo(provision), _policies.ReadTenantSecrets());
        Usage = CreateFunction(functions.Usage, groups.Create(functions.Usage), isWarm: true, [("CONTROLPLANE_OVERFLOW_QUEUE", overflow.Url), originSecret],
            LambdaPolicies.ReadSecrets(dependencies.Secrets.Origin), LambdaPolicies.SendTo(overflow), LambdaPolicies.ReceiveFrom(overflow));
        Authorize = CreateFunction(functions.Authorize, groups.Create(functions.Authorize), isWarm: true, [originSecret], LambdaPolicies.ReadSecrets(dependencies.Secrets.Origin));
        Jobs = CreateFunction(functions.Jobs, groups.CreateWithMail(functions.Jobs), isWarm: false, [provisionQueue, ("CONTROLPLANE_MAIL_SECRET", dependencies.Mail.SmtpSecret.Arn)],
            LambdaPolicies.SendTo(provision), LambdaPolicies.SendTo(failed), LambdaPolicies.ReadSecrets(dependencies.Mail.SmtpSecret.Arn));
        Provision = CreateFunction(functions.Provision, groups.CreateWithCluster(functions.Provision), isWarm: false,
            [
                provisionQueue,
                ("CONTROLPLANE_CLUSTER", dependencies.Cluster.Eks.Name),
                ("CONTROLPLANE_MODEL_FILES", dependencies.Files.Id),
                ("CONTROLPLANE_SHARED_MODELS_ACCESS_POINT", dependencies.Files.Shared.Id),
                ("CONTROLPLANE_CACHE", dependencies.Cache.Group.PrimaryEndpointAddress),
                ("CONTROLPLANE_CACHE_SECRET", dependencies.Secrets.Cache),
                ("CONTROLPLANE_TENANT_ACCESS_POINT", JsonSerializer.Serialize(plan.Data.AccessPoint.ForTenants())),
                ("CONTROLPLANE_TENANT_SECRETS_KEY", keys.Secrets.Arn),
                .. TenantSecretReplica(dependencies.SecondRegion),
                ("CONTROLPLANE_TAGS", JsonSerializer.Serialize(new SortedDictionary<string, string>(stack.Tags.ToDictionary()) { ["ManagedBy"] = stack.Project })),
            ],
            [LambdaPolicies.ReceiveFrom(provision), LambdaPolicies.SendTo(provision), LambdaPolicies.SendTo(failed), .. _policies.ProvisioningStatements()]);
        dependencies.Cluster.GrantGroup("provision", Provision.Function.Role, "controlplane:provisioners");

        ConsumeQueue("provision", Provision, provision, batchSize: 1, concurrency: 5);
        ConsumeQueue("overflow", Usage, overflow, batchSize: 10, concurrency: 10);
        RetryAsyncInvocations("jobs", Jobs);
        RetryAsyncInvocations("provision", Provision);
        RegisterOutputs();
    }

    static (string, Input<string>)[] TenantSecretReplica(SecondRegion? second) => second is null
        ? []
        : [("CONTROLPLANE_TENANT_SECRETS_COPY", second.Key.Arn.Apply(key => JsonSerializer.Serialize(new { region = second.Region, key })))];

    // Runs at every deployment, before the aliases move to the new version. Migrations are backward compatible, so the previous version keeps working.
    Invocation Migrate(Resource[] networkPath) => new($"{_name}-migrate", new InvocationArgs
    {
        FunctionName = Database.Function.Name,
        Qualifier = Database.Live.Name,
        Input = """{"job":"migrate"}""",
        Triggers = { ["version"] = Database.Live.FunctionVersion },
    }, new CustomResourceOptions { Parent = this, DependsOn = [.. networkPath] });

    void RotateOwnerPassword()
    {
        var permission = Database.AllowInvocation($"{_name}-rotate", "secretsmanager.amazonaws.com", _dependencies.Secrets.Owner);
        _ = new SecretRotation($"{_name}-rotate", new SecretRotationArgs
        {
            SecretId = _dependencies.Secrets.Owner,
            RotationLambdaArn = Database.Live.Arn,
            RotateImmediately = false,
            RotationRules = new SecretRotationRotationRulesArgs { AutomaticallyAfterDays = _plan.Data.PasswordRotationDays },
        }, new CustomResourceOptions { Parent = this, DependsOn = { permission } });
    }

    ControlFunction CreateFunction(
        FunctionPlan function, SecurityGroupRules securityGroup, bool isWarm, (string Key, Input<string> Value)[] variables, params Statement[] statements)
    {
        var isOwner = function == _plan.Functions.Database;
        // RDS instances have certificates of RDS's own CAs, whose roots are in the package. Certificates of RDS Proxy chain to a public CA.
        var isDirect = isOwner || _dependencies.DatabaseAccess.Proxy is null;
        var (host, user) = isOwner
            ? (_dependencies.Database.Instance.Address, PostgresDatabase.Owner)
            : (_dependencies.DatabaseAccess.Host, DatabaseAccess.UserFor(function.Name));
        var environment = new InputMap<string>
        {
            // All functions share one package; this selects the part to run.
            ["CONTROLPLANE_FUNCTION"] = function.Name,
            ["CONTROLPLANE_DOMAIN"] = _plan.Domain,
            ["CONTROLPLANE_PUBLIC_URL"] = $"https://{_plan.Domain}",
            ["CONTROLPLANE_REGION"] = _dependencies.TenantRegion,
            ["CONTROLPLANE_MAIL_FROM"] = $"no-reply@{_plan.Domain}",
            // No password: the function creates an IAM token for each connection, or reads the owner's secret.
            ["CONTROLPLANE_DATABASE"] = Output.Format(
                $"Host={host};Port={PostgresDatabase.Port.ToString(CultureInfo.InvariantCulture)};Database={_plan.Data.DatabaseName};Username={user};SSL Mode=VerifyFull{(isDirect ? ";Root Certificate=/var/task/rds-ca-rsa2048-g1.pem" : "")};GSS Encryption Mode=Disable"),
        };
        if (!isOwner)
        {
            environment.Add("CONTROLPLANE_SECRETS", _dependencies.Secrets.Platform);
        }

        foreach (var (key, value) in variables)
        {
            environment.Add(key, value);
        }

        Statement[] commonStatements = isOwner
            ? []
            : [_dependencies.DatabaseAccess.ConnectStatement(function.Name), LambdaPolicies.ReadSecrets(_dependencies.Secrets.Platform), _policies.Decrypt()];
        return new ControlFunction($"{_name}-{function.Name}", function, _plan.Functions, isWarm, new FunctionNetwork(_network.PrivateSubnetIds, securityGroup), _keys, _stack,
            environment, [.. commonStatements, .. statements], _migration, new ComponentResourceOptions { Parent = this });
    }

    void ConsumeQueue(string label, ControlFunction function, Pulumi.Aws.Sqs.Queue queue, int batchSize, int concurrency) =>
        _ = new EventSourceMapping($"{_name}-{label}", new EventSourceMappingArgs
        {
            EventSourceArn = queue.Arn,
            FunctionName = function.Live.Arn,
            BatchSize = batchSize,
            FunctionResponseTypes = { "ReportBatchItemFailures" },
            ScalingConfig = new EventSourceMappingScalingConfigArgs { MaximumConcurrency = concurrency },
            Enabled = !_plan.IsPassive,
        }, new CustomResourceOptions { Parent = this });

    // The scheduler invokes asynchronously, so failures of the function itself are retried here: twice, then the event is dead-lettered.
    void RetryAsyncInvocations(string label, ControlFunction function) => _ = new FunctionEventInvokeConfig($"{_name}-{label}", new FunctionEventInvokeConfigArgs
    {
        FunctionName = function.Function.Name,
        Qualifier = function.Live.Name,
        MaximumRetryAttempts = 2,
        MaximumEventAgeInSeconds = 3_600,
        DestinationConfig = new FunctionEventInvokeConfigDestinationConfigArgs
        {
            OnFailure = new FunctionEventInvokeConfigDestinationConfigOnFailureArgs { Destination = _dependencies.Queues.Failed.Arn },
        },
    }, new CustomResourceOptions { Parent = this });
}
