using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Lambda;
using Pulumi.Aws.Lambda.Inputs;
using Alias = Pulumi.Aws.Lambda.Alias;
using AliasArgs = Pulumi.Aws.Lambda.AliasArgs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// One Lambda function in the VPC with a role of its own. Callers use the alias "live", which points to a published version: that is what
/// SnapStart and provisioned concurrency need, and what a deployment switches at once.
/// </summary>
public sealed class ControlFunction : ComponentResource
{
    public Function Function { get; }
    public Alias Live { get; }
    public LogGroup Log { get; }

    /// <param name="warm">Somebody waits for its answers, so cold starts matter.</param>
    /// <param name="may">Beyond writing its log and its traces and living in the VPC.</param>
    /// <param name="after">What has to be done before callers get to a new version.</param>
    public ControlFunction(
        string name, FunctionPlan plan, FunctionsPlan all, bool warm, FunctionsNetwork network, Keys keys, StackInfo stack,
        InputMap<string> environment, Statement[] may, Resource? after = null, ComponentResourceOptions? options = null)
        : base("controlplane:functions:ControlFunction", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var functionName = stack.Named(plan.Name);
        Log = new LogGroup(name, new LogGroupArgs { Name = $"/aws/lambda/{functionName}", RetentionInDays = all.LogDays, KmsKeyId = keys.Logs.Arn }, inside);
        var role = new Role(name, new RoleArgs { Description = plan.Does, AssumeRolePolicy = Policy.TrustedBy("lambda.amazonaws.com") }, inside);
        var allowed = new RolePolicy(name, new RolePolicyArgs { Role = role.Id, Policy = Policy.Document([.. Basics(functionName, stack), .. may]) }, inside);
        var (snapStart, provisioned) = (warm && all.WarmStart == WarmStart.SnapStart, warm && all.WarmStart == WarmStart.Provisioned);
        var settings = new FunctionArgs
        {
            Name = functionName,
            Description = plan.Does,
            Architectures = { "arm64" },
            Runtime = all.Runtime,
            Handler = all.Runtime.StartsWith("dotnet", StringComparison.Ordinal) ? "ControlPlane.Aws" : "bootstrap",
            MemorySize = plan.MemoryMib,
            Timeout = plan.TimeoutSeconds,
            Role = role.Arn,
            Publish = true,
            TracingConfig = new FunctionTracingConfigArgs { Mode = "Active" },
            LoggingConfig = new FunctionLoggingConfigArgs { LogFormat = "JSON", LogGroup = Log.Name },
            VpcConfig = new FunctionVpcConfigArgs { SubnetIds = network.SubnetIds, SecurityGroupIds = { network.Doors.GroupId } },
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

        if (snapStart)
        {
            settings.SnapStart = new FunctionSnapStartArgs { ApplyOn = "PublishedVersions" };
        }

        Function = new Function(name, settings, new CustomResourceOptions { Parent = this, DependsOn = { allowed } });
        Live = new Alias(name, new AliasArgs { Name = "live", FunctionName = Function.Name, FunctionVersion = Function.Version },
            after is null ? inside : new CustomResourceOptions { Parent = this, DependsOn = { after } });
        if (provisioned)
        {
            _ = new ProvisionedConcurrencyConfig(name, new ProvisionedConcurrencyConfigArgs
            {
                FunctionName = Function.Name,
                Qualifier = Live.Name,
                ProvisionedConcurrentExecutions = all.ProvisionedInstances,
            }, inside);
        }

        RegisterOutputs();
    }

    /// <summary>Lets an AWS service call the function.</summary>
    /// <param name="source">Who exactly: the ARN of the API or the secret.</param>
    public Permission CallableBy(string name, string service, Input<string> source) => new(name, new PermissionArgs
    {
        Action = "lambda:InvokeFunction",
        Function = Function.Name,
        Qualifier = Live.Name,
        Principal = service,
        SourceArn = source,
    }, new CustomResourceOptions { Parent = this });

    // AWS offers no narrower resource for traces and network interfaces. The interfaces are Lambda's own business: code of the function, which
    // is known by lambda:SourceFunctionArn, may not touch them.
    static Statement[] Basics(string functionName, StackInfo stack) =>
    [
        new(["logs:CreateLogStream", "logs:PutLogEvents"], stack.Account.Arn("logs", $"log-group:/aws/lambda/{functionName}:*")),
        new(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
        new(s_interfaces, "*"),
        new(s_interfaces, "*") { Effect = "Deny", When = [new("ArnEquals", "lambda:SourceFunctionArn", stack.Account.Arn("lambda", $"function:{functionName}"))] },
    ];

    static readonly string[] s_interfaces =
    [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:UnassignPrivateIpAddresses",
    ];
}

/// <summary>Where a function lives, and what it reaches.</summary>
public sealed record FunctionsNetwork(InputList<string> SubnetIds, Doors Doors);
