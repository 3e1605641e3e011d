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
        var keys = new Keys("keys", stack, inside);
        var network = new Network("network", plan.Network, stack, inside);
        _ = new PrivateAccess("private-access", plan.Network, network, stack, inside);
        _ = new FlowLogs("flow-logs", plan.Network, network.Vpc, keys, stack, inside);

        var cluster = new Cluster("cluster", plan.Cluster, network, keys, stack, inside);
        var addOns = new AddOns("add-ons", plan.Cluster, cluster, stack, inside);
        var cpuNodes = new CpuNodes("cpu-nodes", plan.Cluster.Cpu, cluster, network, addOns, stack, inside);
        addOns.InstallRest(cpuNodes.Group);
        var gpuNodes = new GpuNodes("gpu-nodes", plan.Cluster, cluster, network, addOns, stack, inside);
        var termination = new NodeTermination("node-termination", cluster, gpuNodes, inside);
        _ = new ClusterAutoscaler("cluster-autoscaler", cluster, stack, inside);

        Outputs = new Dictionary<string, object?>
        {
            ["region"] = plan.Region,
            ["vpcId"] = network.Vpc.Id,
            ["clusterName"] = cluster.Eks.Name,
            ["clusterEndpoint"] = cluster.Eks.Endpoint,
            ["kubeconfigCommand"] = Output.Format($"aws eks update-kubeconfig --region {plan.Region} --name {cluster.Eks.Name}"),
            ["gpuGroupName"] = gpuNodes.Group.Name,
            ["nodeTerminationQueueUrl"] = termination.News.Queue.Url,
        };
        RegisterOutputs();
    }
}
