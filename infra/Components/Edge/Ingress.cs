using System.Globalization;
using Pulumi.Aws.LB;
using Pulumi.Aws.LB.Inputs;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>
/// A network load balancer for *.users.{domain}: it terminates TLS with the wildcard certificate and connects, re-encrypted, to the pods of the
/// ingress controller, which the AWS Load Balancer Controller registers through a TargetGroupBinding.
/// </summary>
public sealed class Ingress : ComponentResource
{
    public LoadBalancer LoadBalancer { get; }
    public TargetGroup Https { get; }
    public TargetGroup Http { get; }

    readonly string _name;
    readonly EdgePlan _plan;
    readonly VpcNetwork _network;
    readonly CustomResourceOptions _childOptions;

    public Ingress(string name, Plan plan, VpcNetwork network, EksCluster cluster, DnsZone zone, Output<string>? healthCheck, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:edge:Ingress", name, options)
    {
        (_name, _plan, _network, _childOptions) = (name, plan.Edge, network, new CustomResourceOptions { Parent = this });
        var securityGroup = new SecurityGroupRules(name, "The load balancer of the environments", network.Vpc.Id, this);
        securityGroup.AllowPublicIngress(80);
        securityGroup.AllowPublicIngress(443);
        foreach (var port in (int[])[_plan.IngressHttpPort, _plan.IngressHttpsPort, _plan.IngressHealthPort])
        {
            securityGroup.AllowEgress("cluster", port, cluster.SecurityGroupId);
            SecurityGroupRules.IngressRule(string.Create(CultureInfo.InvariantCulture, $"{name}-cluster-{port}"), cluster.SecurityGroupId, port,
                "The load balancer to the ingress controller", this, fromGroup: securityGroup.GroupId);
        }

        var logs = CreateLogBucket(name, stack);
        LoadBalancer = new LoadBalancer(name, new LoadBalancerArgs
        {
            LoadBalancerType = "network",
            Internal = false,
            Subnets = network.PublicSubnetIds,
            SecurityGroups = { securityGroup.GroupId },
            EnableCrossZoneLoadBalancing = true,
            EnableDeletionProtection = stack.Protect,
            AccessLogs = new LoadBalancerAccessLogsArgs { Enabled = true, Bucket = logs.Bucket.Id },
        }, new CustomResourceOptions { Parent = this, DependsOn = { logs.Access } });

        var certificate = new TlsCertificate($"{name}-certificate", zone, [zone.FullName("*.users")], shared: [zone.FullName("*.users")], options: new ComponentResourceOptions { Parent = this });
        Https = CreateTargetGroup("https", _plan.IngressHttpsPort, "TLS");
        Http = CreateTargetGroup("http", _plan.IngressHttpPort, "TCP"); // The controller redirects to HTTPS.
        _ = new Listener($"{name}-https", new ListenerArgs
        {
            LoadBalancerArn = LoadBalancer.Arn,
            Port = 443,
            Protocol = "TLS",
            CertificateArn = certificate.Arn,
            SslPolicy = _plan.LoadBalancerPolicy,
            AlpnPolicy = "HTTP2Preferred",
            DefaultActions = { Forward(Https) },
        }, _childOptions);
        _ = new Listener($"{name}-http", new ListenerArgs { LoadBalancerArn = LoadBalancer.Arn, Port = 80, Protocol = "TCP", DefaultActions = { Forward(Http) } }, _childOptions);
        _ = new PodRole($"{name}-controller", "Registers the ingress controller's pods with the load balancer", cluster, "kube-system", "aws-load-balancer-controller",
        [
            new Statement(["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], Https.Arn, Http.Arn),
            // These actions do not support resource-level permissions.
            new Statement(
                [
                    "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTags",
                    "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets", "ec2:DescribeVpcs",
                ], "*"),
        ], new ComponentResourceOptions { Parent = this });
        zone.AddFailoverAlias(plan.Role, "*.users", LoadBalancer.DnsName, LoadBalancer.ZoneId, healthCheck);
        RegisterOutputs();
    }

    TargetGroup CreateTargetGroup(string label, int port, string protocol) => new($"{_name}-{label}", new TargetGroupArgs
    {
        VpcId = _network.Vpc.Id,
        TargetType = "ip",
        Port = port,
        Protocol = protocol,
        ProxyProtocolV2 = true, // Passes on the client's address.
        PreserveClientIp = "false",
        DeregistrationDelay = 60,
        HealthCheck = new TargetGroupHealthCheckArgs
        {
            Protocol = "HTTP",
            Path = "/ping",
            Port = _plan.IngressHealthPort.ToString(CultureInfo.InvariantCulture),
            Interval = 10,
            HealthyThreshold = 2,
            UnhealthyThreshold = 2,
        },
    }, _childOptions);

    static ListenerDefaultActionArgs Forward(TargetGroup target) => new() { Type = "forward", TargetGroupArn = target.Arn };

    // Access logs of load balancers support only S3 managed keys.
    PrivateBucket CreateLogBucket(string name, StackInfo stack) => new($"{name}-logs", null, new BucketRules { KeptDays = 90, OldVersionsKeptDays = 7 }, stack,
    [
        bucket => new Statement(["s3:PutObject"], Output.Format($"{bucket.Arn}/AWSLogs/{stack.Account.Id}/*"))
        {
            Principal = ("Service", "delivery.logs.amazonaws.com"),
            Conditions = [new("StringEquals", "aws:SourceAccount", stack.Account.Id), new("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")],
        },
        bucket => new Statement(["s3:GetBucketAcl"], bucket.Arn)
        {
            Principal = ("Service", "delivery.logs.amazonaws.com"), Conditions = [new("StringEquals", "aws:SourceAccount", stack.Account.Id)],
        },
    ], new ComponentResourceOptions { Parent = this });
}
