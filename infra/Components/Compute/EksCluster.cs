using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Eks.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>The EKS control plane: its endpoints, access entries, encryption and logs. Node groups are components of their own.</summary>
public sealed class EksCluster : ComponentResource
{
    public Pulumi.Aws.Eks.Cluster Eks { get; }

    /// <summary>The group EKS creates for the control plane and all nodes.</summary>
    public Output<string> SecurityGroupId { get; }

    public Output<string> CertificateAuthority { get; }

    /// <summary>For roles that pods assume by web identity (IRSA). The platform's own use EKS Pod Identity.</summary>
    public OpenIdConnectProvider Oidc { get; }

    public EksCluster(string name, ClusterPlan plan, VpcNetwork network, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:Cluster", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var role = new Role(name, new RoleArgs
        {
            Description = "The EKS control plane",
            AssumeRolePolicy = Policy.TrustedBy("eks.amazonaws.com"),
        }, childOptions);
        var policy = new RolePolicyAttachment(name, new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("AmazonEKSClusterPolicy"),
        }, childOptions);

        // Otherwise EKS creates this log group itself, unencrypted and without retention.
        var log = new LogGroup(name, new LogGroupArgs
        {
            Name = $"/aws/eks/{stack.ClusterName}/cluster",
            RetentionInDays = plan.LogDays,
            KmsKeyId = keys.Logs.Arn,
        }, childOptions);
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
        }, new CustomResourceOptions { Parent = this, DependsOn = { policy, log } });
        SecurityGroupId = Eks.VpcConfig.Apply(config => config.ClusterSecurityGroupId!);
        CertificateAuthority = Eks.CertificateAuthority.Apply(authority => authority.Data!);
        Oidc = new OpenIdConnectProvider(name, new OpenIdConnectProviderArgs
        {
            Url = Eks.Identities.Apply(identities => identities[0].Oidcs[0].Issuer!),
            ClientIdLists = { "sts.amazonaws.com" },
        }, childOptions);

        for (var i = 0; i < plan.AdminRoles.Count; i++)
        {
            GrantAdmin($"{name}-admin-{i + 1}", plan.AdminRoles[i], stack);
        }

        RegisterOutputs();
    }

    /// <summary>Maps a role to a Kubernetes group, whose permissions the cluster's RBAC defines.</summary>
    public AccessEntry GrantGroup(string name, Input<string> roleArn, string kubernetesGroup) =>
        new(name, new AccessEntryArgs
        {
            ClusterName = Eks.Name,
            PrincipalArn = roleArn,
            Type = "STANDARD",
            KubernetesGroups = { kubernetesGroup },
        }, new CustomResourceOptions { Parent = this });

    void GrantAdmin(string name, string roleArn, StackInfo stack)
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
