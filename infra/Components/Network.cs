using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Ec2;

namespace ControlPlane.Infra.Components;

/// <summary>The VPC over three availability zones: public subnets for load balancers and NAT, private ones for nodes and functions, and database subnets without a way out.</summary>
public sealed class Network : ComponentResource
{
    public Vpc Vpc { get; }

    public Network(string name, NetworkPlan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:Network", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Vpc = new Vpc($"{name}-vpc", new VpcArgs { CidrBlock = plan.Cidr, EnableDnsSupport = true, EnableDnsHostnames = true }, inside);
        RegisterOutputs();
    }
}
