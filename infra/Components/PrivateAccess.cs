using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Vpc;

namespace ControlPlane.Infra.Components;

/// <summary>Ways to AWS' own services that do not leave the VPC: S3 through a gateway, which costs nothing, the others through interfaces.</summary>
public sealed class PrivateAccess : ComponentResource
{
    public PrivateAccess(string name, NetworkPlan plan, Network network, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:PrivateAccess", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        _ = new VpcEndpoint($"{name}-s3", new VpcEndpointArgs
        {
            VpcId = network.Vpc.Id,
            VpcEndpointType = "Gateway",
            ServiceName = $"com.amazonaws.{stack.Region}.s3",
            RouteTableIds = network.PrivateRouteTableIds,
        }, inside);

        var group = new SecurityGroup($"{name}-endpoints", new SecurityGroupArgs
        {
            VpcId = network.Vpc.Id,
            Description = "HTTPS from the VPC to the endpoints of AWS services",
        }, inside);
        _ = new SecurityGroupIngressRule($"{name}-endpoints-https", new SecurityGroupIngressRuleArgs
        {
            SecurityGroupId = group.Id,
            CidrIpv4 = plan.Cidr,
            IpProtocol = "tcp",
            FromPort = 443,
            ToPort = 443,
            Description = "HTTPS from the VPC",
        }, inside);
        foreach (var service in plan.Endpoints)
        {
            _ = new VpcEndpoint($"{name}-{service.Replace('.', '-')}", new VpcEndpointArgs
            {
                VpcId = network.Vpc.Id,
                VpcEndpointType = "Interface",
                ServiceName = $"com.amazonaws.{stack.Region}.{service}",
                SubnetIds = network.PrivateSubnetIds,
                SecurityGroupIds = { group.Id },
                PrivateDnsEnabled = true,
            }, inside);
        }

        RegisterOutputs();
    }
}
