using Pulumi.Aws.Ec2;

namespace ControlPlane.Infra.Components.Network;

/// <summary>VPC endpoints for AWS services: a gateway endpoint for S3, which is free, and interface endpoints for the others.</summary>
public sealed class PrivateAccess : ComponentResource
{
    public PrivateAccess(string name, NetworkPlan plan, VpcNetwork network, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:PrivateAccess", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        _ = new VpcEndpoint($"{name}-s3", new VpcEndpointArgs
        {
            VpcId = network.Vpc.Id,
            VpcEndpointType = "Gateway",
            ServiceName = $"com.amazonaws.{stack.Region}.s3",
            RouteTableIds = network.PrivateRouteTableIds,
        }, childOptions);

        var group = new SecurityGroup($"{name}-endpoints", new SecurityGroupArgs
        {
            VpcId = network.Vpc.Id,
            Description = "HTTPS from the VPC to the endpoints of AWS services",
        }, childOptions);
        SecurityGroupRules.IngressRule($"{name}-endpoints-https", group.Id, 443, "HTTPS from the VPC", this, fromCidr: plan.Cidr);
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
            }, childOptions);
        }

        RegisterOutputs();
    }
}
