using ControlPlane.Infra.Components;
using Pulumi;

namespace ControlPlane.Infra.Topologies;

/// <summary>Three availability zones: the network first, then what stands in it, in the order of their dependencies.</summary>
public sealed class EksTopology : ComponentResource
{
    public IDictionary<string, object?> Outputs { get; }

    public EksTopology(string name, Plan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:topology:Eks", name, options)
    {
        var inside = new ComponentResourceOptions { Parent = this };
        var clusterName = stack.Named("cluster");
        var keys = new Keys("keys", stack, inside);
        var network = new Network("network", plan.Network, clusterName, stack, inside);
        _ = new PrivateAccess("private-access", plan.Network, network, stack, inside);
        _ = new FlowLogs("flow-logs", plan.Network, network.Vpc, keys, stack, inside);
        Outputs = new Dictionary<string, object?>
        {
            ["region"] = plan.Region,
            ["vpcId"] = network.Vpc.Id,
        };
        RegisterOutputs();
    }
}
