using ControlPlane.Infra.Topologies;
using Pulumi;

namespace ControlPlane.Infra;

/// <summary>The program: configuration to plan, plan to one of the topologies, topology to stack outputs.</summary>
public static class Platform
{
    /// <param name="transformations">See every resource after the stack's own conventions; the tests record with one.</param>
    /// <exception cref="RunException">The configuration has to be changed first; the message names every key and what it may be.</exception>
    public static IDictionary<string, object?> Build(params ResourceTransformation[] transformations)
    {
        var plan = ReadPlan();
        var (project, name) = (Deployment.Instance.ProjectName, Deployment.Instance.StackName);
        var stack = new StackInfo(project, name, plan.Region, plan.Owner, plan.Protect, new AwsAccount(plan.Region));
        var root = new ComponentResourceOptions { ResourceTransformations = [new Conventions(stack, Renames.Released).Apply, .. transformations] };
        return plan.Topology switch
        {
            Topology.Vps => new VpsTopology("platform", plan, stack, root).Outputs,
            _ => new EksTopology("platform", plan, stack, root).Outputs,
        };
    }

    // Pulumi shows the message of a RunException alone, and a stack trace with any other.
    static Plan ReadPlan()
    {
        try
        {
            return Plan.Read(new Settings(key => new Config(key.Split(':')[0]).Get(key.Split(':')[1])));
        }
        catch (SettingsException wrong)
        {
            throw new RunException(wrong.Message, wrong);
        }
    }
}

/// <summary>What a component may need to know about the stack it is built in.</summary>
/// <param name="Project">From Pulumi.yaml.</param>
/// <param name="Name">The stack's name: dev, prod, dr.</param>
/// <param name="Protect">Stateful resources refuse to be deleted, by Pulumi and by AWS, until this is turned off.</param>
public sealed record StackInfo(string Project, string Name, string Region, string Owner, bool Protect, AwsAccount Account)
{
    /// <summary>A physical name, for the few resources whose name others must know ahead; all others are named by Pulumi.</summary>
    public string Named(string what) => $"{Project}-{Name}-{what}";

    /// <summary>Known ahead, because subnets, nodes and permissions name the cluster before it is there.</summary>
    public string ClusterName => Named("cluster");

    public IReadOnlyDictionary<string, string> Tags { get; } = new Dictionary<string, string>
    {
        ["Owner"] = Owner,
        ["Project"] = Project,
        ["Stack"] = Name,
        ["ManagedBy"] = "pulumi",
    };
}
