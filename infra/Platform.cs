using ControlPlane.Infra.Topologies;

namespace ControlPlane.Infra;

/// <summary>The Pulumi program: reads the configuration into a plan, and builds the plan's topology.</summary>
public static class Platform
{
    /// <param name="transformations">Applied to every resource after the stack's conventions; the tests record resources with one.</param>
    /// <returns>The stack outputs.</returns>
    /// <exception cref="RunException">The configuration is invalid; the message lists every key and its allowed values.</exception>
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

    // Pulumi prints only the message of a RunException, and a stack trace for any other exception.
    static Plan ReadPlan()
    {
        try
        {
            return Plan.Read(new Settings(key => new Config(key.Split(':')[0]).Get(key.Split(':')[1])));
        }
        catch (SettingsException exception)
        {
            throw new RunException(exception.Message, exception);
        }
    }
}

/// <summary>Properties of the stack that components use.</summary>
/// <param name="Project">From Pulumi.yaml.</param>
/// <param name="Name">The stack's name: dev, prod, dr.</param>
/// <param name="Protect">Deletion protection of stateful resources, by Pulumi and by AWS.</param>
public sealed record StackInfo(string Project, string Name, string Region, string Owner, bool Protect, AwsAccount Account)
{
    /// <summary>A physical name, for the few resources whose name is needed before they exist. Pulumi names all others.</summary>
    public string PhysicalName(string resource) => $"{Project}-{Name}-{resource}";

    /// <summary>Subnets, nodes and policies refer to the cluster's name before it exists.</summary>
    public string ClusterName => PhysicalName("cluster");

    public IReadOnlyDictionary<string, string> Tags { get; } = new Dictionary<string, string>
    {
        ["Owner"] = Owner,
        ["Project"] = Project,
        ["Stack"] = Name,
        ["ManagedBy"] = "pulumi",
    };
}
