namespace ControlPlane.Infra.Components.Compute;

/// <summary>
/// A security group per function. None allows ingress. All allow HTTPS to anywhere, which covers AWS and the VPC endpoints, and their database
/// endpoint; only the functions that use the cluster or the mail server can reach them, so the internet-facing functions cannot.
/// </summary>
sealed class LambdaSecurityGroups(string name, FunctionDependencies dependencies, VpcNetwork network, Resource parent)
{
    /// <param name="bypassProxy">Connects to the database instance instead of RDS Proxy.</param>
    public SecurityGroupRules Create(FunctionPlan function, bool bypassProxy = false)
    {
        var group = new SecurityGroupRules($"{name}-{function.Name}", $"Function {function.Name}: nobody connects to it", network.Vpc.Id, parent);
        group.AllowPublicEgress(443);
        if (bypassProxy && dependencies.DatabaseAccess.Proxy is not null)
        {
            group.AllowEgress("database", PostgresDatabase.Port, dependencies.Database.SecurityGroup.GroupId);
            dependencies.Database.SecurityGroup.AllowIngress($"function {function.Name}", PostgresDatabase.Port, group.GroupId);
        }
        else
        {
            dependencies.DatabaseAccess.AllowTraffic($"function {function.Name}", group, dependencies.Database);
        }

        return group;
    }

    public SecurityGroupRules CreateWithMail(FunctionPlan function)
    {
        var group = Create(function);
        group.AllowPublicEgress(MailSender.Port);
        return group;
    }

    public SecurityGroupRules CreateWithCluster(FunctionPlan function)
    {
        var group = Create(function);
        SecurityGroupRules.IngressRule(
            $"{name}-cluster-443", dependencies.Cluster.SecurityGroupId, 443, "Provisioning to the Kubernetes API", parent, fromGroup: group.GroupId);
        return group;
    }
}
