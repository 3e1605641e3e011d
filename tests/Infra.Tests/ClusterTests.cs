using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class ClusterTests(Stacks stacks)
{
    [Theory]
    [InlineData("prod", true)]
    [InlineData("prod, cheaper", false)]
    public async Task The_public_endpoint_is_open_to_configured_ranges_only(string name, bool isPublic)
    {
        var cluster = Assert.Single((await stacks.GetAsync(name)).OfType("aws:eks/cluster:Cluster"));
        Assert.True(cluster["vpcConfig.endpointPrivateAccess"] is true);
        Assert.Equal(isPublic, cluster["vpcConfig.endpointPublicAccess"]);
        Assert.DoesNotContain("0.0.0.0/0", cluster.Texts("vpcConfig.publicAccessCidrs"));
        Assert.Equal(isPublic, cluster.Texts("vpcConfig.publicAccessCidrs").Count > 0);
    }

    [Fact]
    public async Task All_control_plane_logs_are_enabled_and_access_is_by_access_entries_only()
    {
        var deployed = await stacks.GetAsync("prod");
        var cluster = Assert.Single(deployed.OfType("aws:eks/cluster:Cluster"));
        Assert.Equal(["api", "audit", "authenticator", "controllerManager", "scheduler"], cluster.Texts("enabledClusterLogTypes"));
        Assert.Equal("API", cluster["accessConfig.authenticationMode"]);
        Assert.True(cluster["accessConfig.bootstrapClusterCreatorAdminPermissions"] is false);
        var administrator = Assert.Single(deployed.OfType("aws:eks/accessPolicyAssociation:AccessPolicyAssociation"));
        Assert.Equal("arn:aws:iam::111122223333:role/platform-admin", deployed.Get("aws:eks/accessEntry:AccessEntry", administrator.Name)["principalArn"]);
        Assert.Single(deployed.OfType("aws:iam/openIdConnectProvider:OpenIdConnectProvider"));
    }

    [Fact]
    public async Task Every_add_on_is_pinned_and_network_policies_are_enforced()
    {
        var deployed = await stacks.GetAsync("prod");
        // EKS must not install default add-ons with versions of its choice.
        Assert.True(Assert.Single(deployed.OfType("aws:eks/cluster:Cluster"))["bootstrapSelfManagedAddons"] is false);
        Assert.All(deployed.OfType("aws:eks/addon:Addon"), addOn => Assert.Matches(@"^v\d+\.\d+\.\d+-eksbuild\.\d+$", (string)addOn["addonVersion"]!));
        var cni = deployed.Get("aws:eks/addon:Addon", "add-ons-vpc-cni");
        Assert.Equal("true", cni.Json("configurationValues").GetProperty("enableNetworkPolicy").GetString());
        Assert.Contains(cni.Key, deployed.Get("aws:eks/nodeGroup:NodeGroup", "cpu-nodes").DependsOn);
        Assert.Contains("aws:eks/nodeGroup:NodeGroup cpu-nodes", deployed.Get("aws:eks/addon:Addon", "add-ons-coredns").DependsOn);
    }

    [Fact]
    public async Task The_standard_tier_has_three_to_fifty_nodes_and_starts_with_five()
    {
        var group = (await stacks.GetAsync("prod")).Get("aws:eks/nodeGroup:NodeGroup", "cpu-nodes");
        Assert.Equal(["c5.2xlarge", "c5.4xlarge", "c5.9xlarge"], group.Texts("instanceTypes"));
        Assert.Equal(3, Number(group, "scalingConfig.minSize"));
        Assert.Equal(5, Number(group, "scalingConfig.desiredSize"));
        Assert.Equal(50, Number(group, "scalingConfig.maxSize"));
        Assert.Equal("ON_DEMAND", group["capacityType"]);
    }

    [Fact]
    public async Task The_GPU_group_scales_from_zero_with_30_percent_on_demand()
    {
        var group = GpuGroup(await stacks.GetAsync("prod"));
        Assert.Equal((0, 0, 20), (Number(group, "minSize"), Number(group, "desiredCapacity"), Number(group, "maxSize")));
        const string distribution = "mixedInstancesPolicy.instancesDistribution";
        Assert.Equal(0, Number(group, $"{distribution}.onDemandBaseCapacity"));
        Assert.Equal(30, Number(group, $"{distribution}.onDemandPercentageAboveBaseCapacity"));
        Assert.Equal("price-capacity-optimized", group[$"{distribution}.spotAllocationStrategy"]);
        Assert.True(group["capacityRebalance"] is true);
        var tags = ((IEnumerable<object?>)group["tags"]!).Cast<IReadOnlyDictionary<string, object?>>().ToDictionary(tag => (string)tag["key"]!, tag => (string)tag["value"]!);
        const string prefix = "k8s.io/cluster-autoscaler";
        Assert.Equal("true", tags[$"{prefix}/enabled"]);
        Assert.Equal("owned", tags[$"{prefix}/controlplane-prod-cluster"]);
        Assert.Equal("nvidia-tesla-t4", tags[$"{prefix}/node-template/label/accelerator"]);
        Assert.Equal("nvidia-tesla-t4", tags[$"{prefix}/node-template/label/k8s.amazonaws.com/accelerator"]);
        Assert.Equal("present:NoSchedule", tags[$"{prefix}/node-template/taint/nvidia.com/gpu"]);
        Assert.Equal("1", tags[$"{prefix}/node-template/resources/nvidia.com/gpu"]);
        Assert.All(Enumerable.Range(0, tags.Count), i => Assert.True(group[$"tags.{i}.propagateAtLaunch"] is true));
    }

    [Fact]
    public async Task Each_GPU_instance_type_is_labelled_with_its_accelerator()
    {
        var deployed = await stacks.GetAsync("prod");
        var group = GpuGroup(deployed);
        var types = ((IReadOnlyCollection<object?>)group["mixedInstancesPolicy.launchTemplate.overrides"]!).Count;
        var labels = Enumerable.Range(0, types).Select(i => $"mixedInstancesPolicy.launchTemplate.overrides.{i}").ToDictionary(type => (string)group[$"{type}.instanceType"]!, type =>
        {
            var id = (string)group[$"{type}.launchTemplateSpecification.launchTemplateId"]!;
            var template = deployed.OfType("aws:ec2/launchTemplate:LaunchTemplate").Single(candidate => id.Contains($"{candidate.Key} ", StringComparison.Ordinal));
            var userData = Encoding.UTF8.GetString(Convert.FromBase64String((string)template["userData"]!));
            Assert.Equal("enabled", template["metadataOptions.httpEndpoint"]);
            return AcceleratorIn(userData);
        });
        Assert.Equal(new Dictionary<string, string>
        {
            ["g4dn.xlarge"] = "nvidia-tesla-t4",
            ["g4dn.2xlarge"] = "nvidia-tesla-t4",
            ["g5.2xlarge"] = "nvidia-a10g",
            ["g6.2xlarge"] = "nvidia-l4",
        }, labels);
    }

    [Fact]
    public async Task Nodes_have_an_access_entry_for_their_role_and_no_permissions_of_pods()
    {
        var deployed = await stacks.GetAsync("prod");
        var entry = deployed.OfType("aws:eks/accessEntry:AccessEntry").Single(entry => entry["type"] is "EC2_LINUX");
        var role = deployed.Get("aws:iam/role:Role", "gpu-nodes-role");
        Assert.Contains(role.Key, entry.DependsOn);
        Assert.Contains(role.Key, Assert.Single(deployed.OfType("aws:iam/instanceProfile:InstanceProfile")).DependsOn);
        Assert.Contains(entry.Key, GpuGroup(deployed).DependsOn);
        Assert.All((string[])["cpu-nodes-role", "gpu-nodes-role"], name => Assert.Equal(
            ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy", "AmazonSSMManagedInstanceCore"],
            deployed.DependentsOf(deployed.Get("aws:iam/role:Role", name), "aws:iam/rolePolicyAttachment:RolePolicyAttachment").Select(attached => ((string)attached["policyArn"]!).Split('/')[^1]).Order()));
    }

    [Fact]
    public async Task GPU_nodes_are_drained_before_termination()
    {
        var deployed = await stacks.GetAsync("prod");
        var hook = Assert.Single(deployed.DependentsOf(GpuGroup(deployed), "aws:autoscaling/lifecycleHook:LifecycleHook"));
        Assert.Equal("autoscaling:EC2_INSTANCE_TERMINATING", hook["lifecycleTransition"]);
        var detailTypes = deployed.OfType("aws:cloudwatch/eventRule:EventRule").Where(rule => rule.Parent == "node-termination")
            .Select(rule => JsonSerializer.Deserialize<Dictionary<string, string[]>>((string)rule["eventPattern"]!)!["detail-type"][0]).Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "AWS Health Event", "EC2 Instance Rebalance Recommendation", "EC2 Instance State-change Notification",
                "EC2 Instance-terminate Lifecycle Action", "EC2 Spot Instance Interruption Warning",
            ], detailTypes);
        Assert.All(deployed.OfType("aws:cloudwatch/eventTarget:EventTarget").Where(target => target.Parent == "node-termination"),
            target => Assert.Contains("aws:sqs/queue:Queue node-termination-news", target.DependsOn));
    }

    // The format that nodeadm of Amazon Linux 2023 reads: a MIME part with the node's configuration.
    static string AcceleratorIn(string userData)
    {
        var parts = Regex.Match(userData, "^MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"(.+)\"\n\n--\\1\nContent-Type: application/node.eks.aws\n\n(.+)\n--\\1--\n$", RegexOptions.Singleline);
        Assert.True(parts.Success, userData);
        var node = new YamlDotNet.Serialization.DeserializerBuilder().Build().Deserialize<Dictionary<string, dynamic>>(
            parts.Groups[2].Value.Replace("[[", "'", StringComparison.Ordinal).Replace("]]", "'", StringComparison.Ordinal)); // Otherwise the values of the mocks would be YAML lists.
        Assert.Equal(("node.eks.aws/v1alpha1", "NodeConfig"), ((string)node["apiVersion"], (string)node["kind"]));
        var cluster = (Dictionary<object, object>)node["spec"]["cluster"];
        Assert.Equal(
            ["aws:eks/cluster:Cluster cluster name", "aws:eks/cluster:Cluster cluster endpoint", "aws:eks/cluster:Cluster cluster certificateAuthority", "172.20.0.0/16"],
            ((string[])["name", "apiServerEndpoint", "certificateAuthority", "cidr"]).Select(key => (string)cluster[key]));
        var flags = ((List<object>)node["spec"]["kubelet"]["flags"]).Cast<string>().ToList();
        Assert.Contains("--register-with-taints=nvidia.com/gpu=present:NoSchedule", flags);
        return flags.Single(flag => flag.StartsWith("--node-labels=", StringComparison.Ordinal)).Split("accelerator=")[1].Split(',')[0];
    }

    static DeployedResource GpuGroup(StackSnapshot deployed) => deployed.Get("aws:autoscaling/group:Group", "gpu-nodes");

    static int Number(DeployedResource resource, string path) => Convert.ToInt32(resource[path], null);
}
