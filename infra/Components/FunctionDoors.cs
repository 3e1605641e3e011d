using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Vpc;

namespace ControlPlane.Infra.Components;

/// <summary>
/// How functions get out. Nobody connects to one. Each gets to AWS and the web, which includes what has a private address, and to its database; to
/// the cluster and the mail server only those that have to do with them, so that what the internet comes to does not.
/// </summary>
sealed class FunctionDoors(string name, FunctionMeans means, Network network, Resource parent)
{
    /// <param name="asOwner">To the database itself, past the proxy.</param>
    public Doors Of(FunctionPlan function, bool asOwner = false)
    {
        var doors = new Doors($"{name}-{function.Name}", $"Function {function.Name}: nobody connects to it", network.Vpc.Id, parent);
        doors.LetOutToWorld(443);
        if (asOwner && means.DatabaseAccess.Proxy is not null)
        {
            doors.LetOut("database", Database.Port, means.Database.Doors.GroupId);
            means.Database.Doors.LetIn($"function {function.Name}", Database.Port, doors.GroupId);
        }
        else
        {
            means.DatabaseAccess.Connect($"function {function.Name}", doors, means.Database);
        }

        return doors;
    }

    public Doors WithMail(FunctionPlan function)
    {
        var doors = Of(function);
        doors.LetOutToWorld(MailSender.Port);
        return doors;
    }

    public Doors WithCluster(FunctionPlan function)
    {
        var doors = Of(function);
        _ = new SecurityGroupIngressRule($"{name}-cluster-443", new SecurityGroupIngressRuleArgs
        {
            SecurityGroupId = means.Cluster.SecurityGroupId,
            ReferencedSecurityGroupId = doors.GroupId,
            IpProtocol = "tcp",
            FromPort = 443,
            ToPort = 443,
            Description = "Provisioning to the Kubernetes API",
        }, new CustomResourceOptions { Parent = parent });
        return doors;
    }
}
