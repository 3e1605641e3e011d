using System.Globalization;
using System.Text.Json;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Lambda;
using Pulumi.Aws.Lambda.Inputs;
using Pulumi.Aws.SecretsManager;
using Pulumi.Aws.SecretsManager.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>What the functions are given to work with.</summary>
/// <param name="TenantRegion">What tenants carry as their region.</param>
public sealed record FunctionMeans(
    Input<string> TenantRegion, Database Database, DatabaseAccess DatabaseAccess, Secrets Secrets, Cluster Cluster, ModelFiles Files, Cache Cache, Queues Queues, MailSender Mail, SecondRegion? Second);

/// <summary>The control plane's functions, each with what it needs and nothing else.</summary>
public sealed class Functions : ComponentResource
{
    public ControlFunction Api { get; }
    public ControlFunction Usage { get; }
    public ControlFunction Jobs { get; }
    public ControlFunction Provision { get; }
    public ControlFunction Database { get; }

    readonly string _name;
    readonly Plan _plan;
    readonly Network _network;
    readonly Keys _keys;
    readonly StackInfo _stack;
    readonly FunctionMeans _means;
    readonly Resource? _migrated;

    public Functions(string name, Plan plan, Network network, Keys keys, FunctionMeans means, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:functions:Functions", name, options)
    {
        (_name, _plan, _network, _keys, _stack, _means) = (name, plan, network, keys, stack, means);
        var functions = plan.Functions;
        var rights = new FunctionRights(means, plan, stack);
        var doors = new FunctionDoors(name, means, network, this);
        var (work, overflow) = (means.Queues.Provision.Queue, means.Queues.Overflow.Queue);

        var owners = doors.Of(functions.Database, asOwner: true);
        Database = Make(functions.Database, owners, warm: false, [("CONTROLPLANE_DATABASE_OWNER_SECRET", means.Secrets.Owner)], [.. rights.MayOwnDatabase()]);
        if (!plan.Waits)
        {
            _migrated = Migrate([network, .. owners.Rules, .. means.Database.Doors.Rules]);
            Rotate();
        }

        (string, Input<string>) nudges = ("CONTROLPLANE_PROVISION_QUEUE", work.Url), behindCloudFront = ("CONTROLPLANE_ORIGIN_SECRET", means.Secrets.Origin);
        Api = Make(functions.Api, doors.Of(functions.Api), warm: true, [nudges, behindCloudFront],
            FunctionRights.ReadSecrets(means.Secrets.Origin), FunctionRights.MaySend(work), rights.ReadTenantSecrets());
        Usage = Make(functions.Usage, doors.Of(functions.Usage), warm: true, [("CONTROLPLANE_OVERFLOW_QUEUE", overflow.Url), behindCloudFront],
            FunctionRights.ReadSecrets(means.Secrets.Origin), FunctionRights.MaySend(overflow), FunctionRights.MayReceive(overflow));
        Jobs = Make(functions.Jobs, doors.WithMail(functions.Jobs), warm: false, [nudges, ("CONTROLPLANE_MAIL_SECRET", means.Mail.Password.Arn)],
            FunctionRights.MaySend(work), FunctionRights.MaySend(means.Queues.Failed), FunctionRights.ReadSecrets(means.Mail.Password.Arn));
        Provision = Make(functions.Provision, doors.WithCluster(functions.Provision), warm: false,
            [
                nudges,
                ("CONTROLPLANE_CLUSTER", means.Cluster.Eks.Name),
                ("CONTROLPLANE_MODEL_FILES", means.Files.Id),
                ("CONTROLPLANE_SHARED_MODELS_ACCESS_POINT", means.Files.Shared.Id),
                ("CONTROLPLANE_ENVIRONMENT_DATABASE_HOST", means.Database.Instance.Address),
                ("CONTROLPLANE_CACHE", means.Cache.Group.PrimaryEndpointAddress),
                ("CONTROLPLANE_CACHE_SECRET", means.Secrets.Cache),
                ("CONTROLPLANE_TENANT_ACCESS_POINT", JsonSerializer.Serialize(plan.Data.AccessPoint.ForTenants())),
                ("CONTROLPLANE_TENANT_SECRETS_KEY", keys.Secrets.Arn),
                .. CopyOfTenantSecrets(means.Second),
                ("CONTROLPLANE_TAGS", JsonSerializer.Serialize(new SortedDictionary<string, string>(stack.Tags.ToDictionary()) { ["ManagedBy"] = stack.Project })),
            ],
            [FunctionRights.MayReceive(work), FunctionRights.MaySend(work), FunctionRights.MaySend(means.Queues.Failed), .. rights.MayProvision()]);
        means.Cluster.Admit("provision", Provision.Function.Role, "controlplane:provisioners");

        Receive("provision", Provision, work, batch: 1, concurrency: 5);
        Receive("overflow", Usage, overflow, batch: 10, concurrency: 10);
        RetryAsync("jobs", Jobs);
        RetryAsync("provision", Provision);
        RegisterOutputs();
    }

    static (string, Input<string>)[] CopyOfTenantSecrets(SecondRegion? second) => second is null
        ? []
        : [("CONTROLPLANE_TENANT_SECRETS_COPY", second.Key.Arn.Apply(key => JsonSerializer.Serialize(new { region = second.Region, key })))];

    // Every new version migrates when it is deployed, before anybody calls it; migrations only add, so that the version before works with the new schema.
    Invocation Migrate(Resource[] way) => new($"{_name}-migrate", new InvocationArgs
    {
        FunctionName = Database.Function.Name,
        Qualifier = Database.Live.Name,
        Input = """{"job":"migrate"}""",
        Triggers = { ["version"] = Database.Live.FunctionVersion },
    }, new CustomResourceOptions { Parent = this, DependsOn = [.. way] });

    void Rotate()
    {
        var callable = Database.CallableBy($"{_name}-rotate", "secretsmanager.amazonaws.com", _means.Secrets.Owner);
        _ = new SecretRotation($"{_name}-rotate", new SecretRotationArgs
        {
            SecretId = _means.Secrets.Owner,
            RotationLambdaArn = Database.Live.Arn,
            RotateImmediately = false,
            RotationRules = new SecretRotationRotationRulesArgs { AutomaticallyAfterDays = _plan.Data.PasswordRotationDays },
        }, new CustomResourceOptions { Parent = this, DependsOn = { callable } });
    }

    ControlFunction Make(FunctionPlan function, Doors doors, bool warm, (string Key, Input<string> Value)[] more, params Statement[] may)
    {
        var owns = function == _plan.Functions.Database;
        // RDS' own certificates are of its own authorities, which come with the function; those of its proxy are of Amazon's, which every machine trusts.
        var direct = owns || _means.DatabaseAccess.Proxy is null;
        var environment = new InputMap<string>
        {
            // All functions are one program, in one package.
            ["CONTROLPLANE_FUNCTION"] = function.Name,
            ["CONTROLPLANE_DOMAIN"] = _plan.Domain,
            ["CONTROLPLANE_PUBLIC_URL"] = $"https://{_plan.Domain}",
            ["CONTROLPLANE_REGION"] = _means.TenantRegion,
            ["CONTROLPLANE_MAIL_FROM"] = $"no-reply@{_plan.Domain}",
            // Without a password: the function makes a token of IAM for each connection, or reads the owner's secret.
            ["CONTROLPLANE_DATABASE"] = Output.Format(
                $"Host={(owns ? _means.Database.Instance.Address : _means.DatabaseAccess.Host)};Port={Components.Database.Port.ToString(CultureInfo.InvariantCulture)};Database={_plan.Data.DatabaseName};Username={(owns ? Components.Database.Owner : DatabaseAccess.UserOf(function.Name))};SSL Mode=VerifyFull{(direct ? ";Root Certificate=/var/task/rds-ca-rsa2048-g1.pem" : "")};GSS Encryption Mode=Disable"),
        };
        if (!owns)
        {
            environment.Add("CONTROLPLANE_SECRETS", _means.Secrets.Platform);
        }

        foreach (var (key, value) in more)
        {
            environment.Add(key, value);
        }

        Statement[] inCommon = owns ? [] :
        [
            _means.DatabaseAccess.SignInAs(function.Name), FunctionRights.ReadSecrets(_means.Secrets.Platform),
            new FunctionRights(_means, _plan, _stack).Decrypt(),
        ];
        return new ControlFunction($"{_name}-{function.Name}", function, _plan.Functions, warm, new FunctionsNetwork(_network.PrivateSubnetIds, doors), _keys, _stack, environment,
            [.. inCommon, .. may], _migrated, new ComponentResourceOptions { Parent = this });
    }

    void Receive(string what, ControlFunction function, Pulumi.Aws.Sqs.Queue queue, int batch, int concurrency) =>
        _ = new EventSourceMapping($"{_name}-{what}", new EventSourceMappingArgs
        {
            EventSourceArn = queue.Arn,
            FunctionName = function.Live.Arn,
            BatchSize = batch,
            FunctionResponseTypes = { "ReportBatchItemFailures" },
            ScalingConfig = new EventSourceMappingScalingConfigArgs { MaximumConcurrency = concurrency },
            Enabled = !_plan.Waits,
        }, new CustomResourceOptions { Parent = this });

    // The scheduler only hands over; what fails afterwards fails here. Two more attempts, then it is set aside for an operator.
    void RetryAsync(string what, ControlFunction function) => _ = new FunctionEventInvokeConfig($"{_name}-{what}", new FunctionEventInvokeConfigArgs
    {
        FunctionName = function.Function.Name,
        Qualifier = function.Live.Name,
        MaximumRetryAttempts = 2,
        MaximumEventAgeInSeconds = 3_600,
        DestinationConfig = new FunctionEventInvokeConfigDestinationConfigArgs
        {
            OnFailure = new FunctionEventInvokeConfigDestinationConfigOnFailureArgs { Destination = _means.Queues.Failed.Arn },
        },
    }, new CustomResourceOptions { Parent = this });
}
