using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Lambda;
using Pulumi.Aws.Lambda.Inputs;
using Alias = Pulumi.Aws.Lambda.Alias;
using AliasArgs = Pulumi.Aws.Lambda.AliasArgs;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>
/// One Lambda function in the VPC with its own role. Callers use the alias "live", which points to a published version: SnapStart and
/// provisioned concurrency require one, and a deployment switches code and configuration at once.
/// </summary>
public sealed class ControlFunction : ComponentResource
{
    public Function Function { get; }
    public Alias Live { get; }
    public LogGroup Log { get; }

    /// <param name="isWarm">Serves interactive requests, so cold starts are avoided as <see cref="FunctionsPlan.WarmStart"/> says.</param>
    /// <param name="statements">In addition to writing logs and traces and running in the VPC.</param>
    /// <param name="beforeRelease">Has to succeed before the alias moves to a new version.</param>
    public ControlFunction(
        string name, FunctionPlan plan, FunctionsPlan all, bool isWarm, FunctionNetwork network, Keys keys, StackInfo stack,
        InputMap<string> environment, Statement[] statements, Resource? beforeRelease = null, ComponentResourceOptions? options = null)
        : base("controlplane:functions:ControlFunction", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var functionName = stack.PhysicalName(plan.Name);
        Log = new LogGroup(name, new LogGroupArgs { Name = $"/aws/lambda/{functionName}", RetentionInDays = all.LogDays, KmsKeyId = keys.Logs.Arn }, childOptions);
        var role = new Role(name, new RoleArgs { Description = plan.Description, AssumeRolePolicy = Policy.TrustedBy("lambda.amazonaws.com") }, childOptions);
        var policy = new RolePolicy(name, new RolePolicyArgs { Role = role.Id, Policy = Policy.Document([.. BasicStatements(functionName, stack), .. statements]) }, childOptions);
        var settings = new FunctionArgs
        {
            Name = functionName,
            Description = plan.Description,
            Architectures = { "arm64" },
            Runtime = all.Runtime,
            Handler = all.Runtime.StartsWith("dotnet", StringComparison.Ordinal) ? "ControlPlane.Lambda" : "bootstrap",
            MemorySize = plan.MemoryMib,
            Timeout = plan.TimeoutSeconds,
            Role = role.Arn,
            Publish = true,
            TracingConfig = new FunctionTracingConfigArgs { Mode = "Active" },
            LoggingConfig = new FunctionLoggingConfigArgs { LogFormat = "JSON", LogGroup = Log.Name },
            VpcConfig = new FunctionVpcConfigArgs { SubnetIds = network.SubnetIds, SecurityGroupIds = { network.SecurityGroup.GroupId } },
            Environment = new FunctionEnvironmentArgs { Variables = environment },
        };
        if (all.Artifacts.InS3)
        {
            (settings.S3Bucket, settings.S3Key) = (all.Artifacts.Bucket, all.Artifacts.Key);
        }
        else
        {
            settings.Code = new FileArchive(all.Artifacts.File);
        }

        if (plan.Reserved is { } reserved)
        {
            settings.ReservedConcurrentExecutions = reserved;
        }

        if (isWarm && all.WarmStart == WarmStart.SnapStart)
        {
            settings.SnapStart = new FunctionSnapStartArgs { ApplyOn = "PublishedVersions" };
        }

        Function = new Function(name, settings, new CustomResourceOptions { Parent = this, DependsOn = { policy } });
        Live = new Alias(name, new AliasArgs { Name = "live", FunctionName = Function.Name, FunctionVersion = Function.Version },
            beforeRelease is null ? childOptions : new CustomResourceOptions { Parent = this, DependsOn = { beforeRelease } });
        if (isWarm && all.WarmStart == WarmStart.Provisioned)
        {
            _ = new ProvisionedConcurrencyConfig(name, new ProvisionedConcurrencyConfigArgs
            {
                FunctionName = Function.Name,
                Qualifier = Live.Name,
                ProvisionedConcurrentExecutions = all.ProvisionedInstances,
            }, childOptions);
        }

        RegisterOutputs();
    }

    /// <summary>Allows an AWS service to invoke the function.</summary>
    /// <param name="source">ARN of the invoking resource: the API or the secret.</param>
    public Permission AllowInvocation(string name, string service, Input<string> source) => new(name, new PermissionArgs
    {
        Action = "lambda:InvokeFunction",
        Function = Function.Name,
        Qualifier = Live.Name,
        Principal = service,
        SourceArn = source,
    }, new CustomResourceOptions { Parent = this });

    // Traces and network interfaces do not support resource-level permissions. Only the Lambda service manages the interfaces; calls of the function's
    // code carry lambda:SourceFunctionArn and are denied.
    static Statement[] BasicStatements(string functionName, StackInfo stack) =>
    [
        new(["logs:CreateLogStream", "logs:PutLogEvents"], stack.Account.Arn("logs", $"log-group:/aws/lambda/{functionName}:*")),
        new(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
        new(InterfaceActions, "*"),
        new(InterfaceActions, "*") { Effect = "Deny", Conditions = [new("ArnEquals", "lambda:SourceFunctionArn", stack.Account.Arn("lambda", $"function:{functionName}"))] },
    ];

    static readonly string[] InterfaceActions =
    [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:UnassignPrivateIpAddresses",
    ];
}

/// <summary>Where a function runs, and what traffic it is allowed.</summary>
public sealed record FunctionNetwork(InputList<string> SubnetIds, SecurityGroupRules SecurityGroup);
