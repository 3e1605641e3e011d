using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Eks.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>The EKS control plane: who may reach it, who may use it, and what it writes down. Nodes join it in components of their own.</summary>
public sealed class Cluster : ComponentResource
{
    public Pulumi.Aws.Eks.Cluster Eks { get; }

    /// <summary>Every node and the control plane are in it; what serves the nodes lets this group in.</summary>
    public Output<string> SecurityGroupId { get; }

    public Output<string> CertificateAuthority { get; }

    /// <summary>For roles that pods take by web identity; ours use pod identity.</summary>
    public OpenIdConnectProvider Oidc { get; }

    public Cluster(string name, ClusterPlan plan, Network network, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:Cluster", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var role = new Role(name, new RoleArgs
        {
            Description = "The EKS control plane",
            AssumeRolePolicy = Policy.TrustedBy("eks.amazonaws.com"),
        }, inside);
        var allowed = new RolePolicyAttachment(name, new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("AmazonEKSClusterPolicy"),
        }, inside);

        // EKS would make this group by itself, unencrypted and kept for ever.
        var log = new LogGroup(name, new LogGroupArgs
        {
            Name = $"/aws/eks/{stack.ClusterName}/cluster",
            RetentionInDays = plan.LogDays,
            KmsKeyId = keys.Logs.Arn,
        }, inside);
        Eks = new Pulumi.Aws.Eks.Cluster(name, new ClusterArgs
        {
            Name = stack.ClusterName,
            Version = plan.Version,
            RoleArn = role.Arn,
            DeletionProtection = stack.Protect,
            BootstrapSelfManagedAddons = false,
            AccessConfig = new ClusterAccessConfigArgs { AuthenticationMode = "API", BootstrapClusterCreatorAdminPermissions = false },
            VpcConfig = new ClusterVpcConfigArgs
            {
                SubnetIds = network.PrivateSubnetIds,
                EndpointPrivateAccess = true,
                EndpointPublicAccess = plan.PublicAccessFrom.Count > 0,
                PublicAccessCidrs = [.. plan.PublicAccessFrom],
            },
            KubernetesNetworkConfig = new ClusterKubernetesNetworkConfigArgs { IpFamily = "ipv4", ServiceIpv4Cidr = plan.ServiceCidr },
            EncryptionConfig = new ClusterEncryptionConfigArgs
            {
                Resources = { "secrets" },
                Provider = new ClusterEncryptionConfigProviderArgs { KeyArn = keys.Secrets.Arn },
            },
            EnabledClusterLogTypes = { "api", "audit", "authenticator", "controllerManager", "scheduler" },
            UpgradePolicy = new ClusterUpgradePolicyArgs { SupportType = "STANDARD" },
            ZonalShiftConfig = new ClusterZonalShiftConfigArgs { Enabled = true },
        }, new CustomResourceOptions { Parent = this, DependsOn = { allowed, log } });
        SecurityGroupId = Eks.VpcConfig.Apply(config => config.ClusterSecurityGroupId!);
        CertificateAuthority = Eks.CertificateAuthority.Apply(authority => authority.Data!);
        Oidc = new OpenIdConnectProvider(name, new OpenIdConnectProviderArgs
        {
            Url = Eks.Identities.Apply(identities => identities[0].Oidcs[0].Issuer!),
            ClientIdLists = { "sts.amazonaws.com" },
        }, inside);

        for (var i = 0; i < plan.AdminRoles.Count; i++)
        {
            Administers($"{name}-admin-{i + 1}", plan.AdminRoles[i], stack);
        }

        RegisterOutputs();
    }

    /// <summary>Lets a role act as members of a Kubernetes group; what the group may do is said by the cluster's own RBAC.</summary>
    public AccessEntry Admit(string name, Input<string> roleArn, string kubernetesGroup) =>
        new(name, new AccessEntryArgs
        {
            ClusterName = Eks.Name,
            PrincipalArn = roleArn,
            Type = "STANDARD",
            KubernetesGroups = { kubernetesGroup },
        }, new CustomResourceOptions { Parent = this });

    void Administers(string name, string roleArn, StackInfo stack)
    {
        var entry = new AccessEntry(name, new AccessEntryArgs
        {
            ClusterName = Eks.Name,
            PrincipalArn = roleArn,
            Type = "STANDARD",
        }, new CustomResourceOptions { Parent = this });
        _ = new AccessPolicyAssociation(name, new AccessPolicyAssociationArgs
        {
            ClusterName = Eks.Name,
            PrincipalArn = entry.PrincipalArn,
            PolicyArn = Output.Format($"arn:{stack.Account.Partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"),
            AccessScope = new AccessPolicyAssociationAccessScopeArgs { Type = "cluster" },
        }, new CustomResourceOptions { Parent = this });
    }
}
