using Pulumi;

namespace ControlPlane.Infra.Topologies;

/// <summary>Everything on one host.</summary>
public sealed class VpsTopology : ComponentResource
{
    public IDictionary<string, object?> Outputs { get; }

    public VpsTopology(string name, Plan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:topology:Vps", name, options)
    {
        Outputs = new Dictionary<string, object?> { ["region"] = plan.Region };
        RegisterOutputs();
    }
}
