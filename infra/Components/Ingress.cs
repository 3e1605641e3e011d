using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.LB;
using Pulumi.Aws.LB.Inputs;
using Pulumi.Aws.Vpc;

namespace ControlPlane.Infra.Components;

/// <summary>
/// A network load balancer for *.users.{domain}: it ends TLS with the wildcard certificate and hands over, encrypted again, to the pods of the
/// ingress controller, which the AWS Load Balancer Controller registers by a TargetGroupBinding.
/// </summary>
public sealed class Ingress : ComponentResource
{
    public LoadBalancer LoadBalancer { get; }
    public TargetGroup Https { get; }
    public TargetGroup Http { get; }

    readonly string _name;
    readonly EdgePlan _plan;
    readonly Network _network;
    readonly CustomResourceOptions _inside;

    public Ingress(string name, Plan plan, Network network, Cluster cluster, DnsZone zone, Output<string>? healthCheck, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:edge:Ingress", name, options)
    {
        (_name, _plan, _network, _inside) = (name, plan.Edge, network, new CustomResourceOptions { Parent = this });
        var doors = new Doors(name, "The load balancer of the environments", network.Vpc.Id, this);
        doors.LetWorldIn(80);
        doors.LetWorldIn(443);
        foreach (var port in (int[])[_plan.IngressHttpPort, _plan.IngressHttpsPort, _plan.IngressHealthPort])
        {
            doors.LetOut("cluster", port, cluster.SecurityGroupId);
            _ = new SecurityGroupIngressRule(string.Create(CultureInfo.InvariantCulture, $"{name}-cluster-{port}"), new SecurityGroupIngressRuleArgs
            {
                SecurityGroupId = cluster.SecurityGroupId,
                ReferencedSecurityGroupId = doors.GroupId,
                IpProtocol = "tcp",
                FromPort = port,
                ToPort = port,
                Description = "The load balancer to the ingress controller",
            }, _inside);
        }

        var logs = Logs(name, stack);
        LoadBalancer = new LoadBalancer(name, new LoadBalancerArgs
        {
            LoadBalancerType = "network",
            Internal = false,
            Subnets = network.PublicSubnetIds,
            SecurityGroups = { doors.GroupId },
            EnableCrossZoneLoadBalancing = true,
            EnableDeletionProtection = stack.Protect,
            AccessLogs = new LoadBalancerAccessLogsArgs { Enabled = true, Bucket = logs.Bucket.Id },
        }, new CustomResourceOptions { Parent = this, DependsOn = { logs.Access } });

        var certificate = new TlsCertificate($"{name}-certificate", zone, [zone.Full("*.users")], shared: [zone.Full("*.users")], options: new ComponentResourceOptions { Parent = this });
        Https = Targets("https", _plan.IngressHttpsPort, "TLS");
        Http = Targets("http", _plan.IngressHttpPort, "TCP"); // The controller redirects to https.
        _ = new Listener($"{name}-https", new ListenerArgs
        {
            LoadBalancerArn = LoadBalancer.Arn,
            Port = 443,
            Protocol = "TLS",
            CertificateArn = certificate.Arn,
            SslPolicy = _plan.LoadBalancerPolicy,
            AlpnPolicy = "HTTP2Preferred",
            DefaultActions = { Forward(Https) },
        }, _inside);
        _ = new Listener($"{name}-http", new ListenerArgs { LoadBalancerArn = LoadBalancer.Arn, Port = 80, Protocol = "TCP", DefaultActions = { Forward(Http) } }, _inside);
        _ = new PodRole($"{name}-controller", "Registers the ingress controller's pods with the load balancer", cluster, "kube-system", "aws-load-balancer-controller",
        [
            new Statement(["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], Https.Arn, Http.Arn),
            // AWS offers no narrower resource for these.
            new Statement(
                [
                    "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTags",
                    "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets", "ec2:DescribeVpcs",
                ], "*"),
        ], new ComponentResourceOptions { Parent = this });
        zone.PointToAliasOf(plan.Role, "*.users", LoadBalancer.DnsName, LoadBalancer.ZoneId, healthCheck);
        RegisterOutputs();
    }

    TargetGroup Targets(string what, int port, string protocol) => new($"{_name}-{what}", new TargetGroupArgs
    {
        VpcId = _network.Vpc.Id,
        TargetType = "ip",
        Port = port,
        Protocol = protocol,
        ProxyProtocolV2 = true, // With the user's address.
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
    }, _inside);

    static ListenerDefaultActionArgs Forward(TargetGroup to) => new() { Type = "forward", TargetGroupArn = to.Arn };

    // Load balancers cannot write with a customer's key of another kind than S3's own.
    PrivateBucket Logs(string name, StackInfo stack) => new($"{name}-logs", null, new BucketRules { KeptDays = 90, OldVersionsKeptDays = 7 }, stack,
    [
        bucket => new Statement(["s3:PutObject"], Output.Format($"{bucket.Arn}/AWSLogs/{stack.Account.Id}/*"))
        {
            Principal = ("Service", "delivery.logs.amazonaws.com"),
            When = [new("StringEquals", "aws:SourceAccount", stack.Account.Id), new("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")],
        },
        bucket => new Statement(["s3:GetBucketAcl"], bucket.Arn)
        {
            Principal = ("Service", "delivery.logs.amazonaws.com"), When = [new("StringEquals", "aws:SourceAccount", stack.Account.Id)],
        },
    ], new ComponentResourceOptions { Parent = this });
}
