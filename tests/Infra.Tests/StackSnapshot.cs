using System.Text.Json;
using System.Text.RegularExpressions;
using Pulumi;
using Pulumi.Testing;

// Pulumi reads the configuration from an environment variable, so deployments must not run in parallel.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace ControlPlane.Infra.Tests;

/// <summary>A stack built with mocks instead of AWS.</summary>
public sealed partial record StackSnapshot(IReadOnlyList<DeployedResource> Resources, IReadOnlyDictionary<string, object?> Outputs, IReadOnlySet<string> SecretOutputs)
{
    public IEnumerable<DeployedResource> OfType(string type) => Resources.Where(resource => resource.Type == type);

    public DeployedResource Get(string type, string name) => Resources.Single(resource => resource.Type == type && resource.Name == name);

    /// <summary>Resources of a type that depend on another resource, such as the versioning of a bucket or the policy of a queue.</summary>
    public IEnumerable<DeployedResource> DependentsOf(DeployedResource other, string type) => OfType(type).Where(resource => resource.DependsOn.Contains(other.Key));

    /// <summary>All ingress rules of security groups. The peer is a group or a range.</summary>
    public IEnumerable<(string Group, string Peer, int Port)> IngressRules => TrafficRules("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");

    /// <summary>All egress rules of security groups. The peer is a group or a range.</summary>
    public IEnumerable<(string Group, string Peer, int Port)> EgressRules => TrafficRules("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule");

    IEnumerable<(string Group, string Peer, int Port)> TrafficRules(string type) => OfType(type).Select(rule => (
        GroupOf(rule["securityGroupId"]), rule["referencedSecurityGroupId"] is { } peer ? GroupOf(peer) : (string)rule["cidrIpv4"]!, Convert.ToInt32(rule["fromPort"], null)));

    static string GroupOf(object? id) => Reference().Match((string)id!).Groups[1].Value.Split(' ')[1];

    /// <summary>The resource's URN without stack and project: types of parents and resource, and the name.</summary>
    public string UrnOf(DeployedResource resource) => $"{string.Join('$', Ancestors(resource).Reverse().Append(resource).Select(each => each.Type))}::{resource.Name}";

    /// <summary>The direct child of the topology that contains a resource; <c>null</c> for the topology itself.</summary>
    public string? TopComponentOf(DeployedResource resource) => Ancestors(resource).Prepend(resource).SkipLast(1).LastOrDefault()?.Name;

    // From the nearest component to the topology.
    IEnumerable<DeployedResource> Ancestors(DeployedResource resource)
    {
        for (var parent = resource.Parent; parent is not null;)
        {
            var component = Resources.Single(candidate => candidate.IsComponent && candidate.Name == parent);
            yield return component;
            parent = component.Parent;
        }
    }

    /// <exception cref="Exception">An exception of the program, possibly wrapped by Pulumi.</exception>
    public static async Task<StackSnapshot> BuildAsync(StackFile stack)
    {
        Environment.SetEnvironmentVariable("PULUMI_CONFIG", JsonSerializer.Serialize(stack.Config));
        var (mocks, recorder) = (new Mocks(), new Recorder());
        IDictionary<string, object?> outputs = new Dictionary<string, object?>();
        IReadOnlyDictionary<string, (object? Value, bool Secret)> resolved = new Dictionary<string, (object?, bool)>();
        await Deployment.TestAsync(mocks, new TestOptions { IsPreview = false, ProjectName = "controlplane", StackName = stack.Name }, async () =>
        {
            outputs = Platform.Build(recorder.Record);
            resolved = await recorder.ResolveAsync(outputs);
        });
        var resources = recorder.Recorded.Select(recorded => new DeployedResource(
            recorded.Type, recorded.Name, recorded.Parent, mocks.Inputs[$"{recorded.Type} {recorded.Name}"],
            new SortedSet<string>(References(mocks.Inputs[$"{recorded.Type} {recorded.Name}"]).Concat(recorded.DependsOn), StringComparer.Ordinal), recorded.Protect, recorded.AliasUrns));
        return new StackSnapshot(
            [.. resources.OrderBy(resource => resource.Type, StringComparer.Ordinal).ThenBy(resource => resource.Name, StringComparer.Ordinal)],
            resolved.ToDictionary(output => output.Key, output => output.Value.Value),
            resolved.Where(output => output.Value.Secret).Select(output => output.Key).ToHashSet());
    }

    static IEnumerable<string> References(object? value) => value switch
    {
        string text => Reference().Matches(text).Select(match => match.Groups[1].Value),
        IReadOnlyDictionary<string, object?> map => map.Values.SelectMany(References),
        System.Collections.IEnumerable items => items.Cast<object?>().SelectMany(References),
        _ => [],
    };

    // The mocks return the resource and property name for every output: [[aws:ec2/vpc:Vpc network-vpc id]].
    [GeneratedRegex(@"\[\[(\w+:[^\s\""]+ [^\s\""]+) [^\s\""]+\]\]")]
    private static partial Regex Reference();
}
