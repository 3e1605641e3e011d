using System.Collections.Immutable;
using System.Reflection;
using Pulumi;
using Pulumi.Testing;

namespace ControlPlane.Infra.Tests;

/// <summary>Answers instead of AWS: every text output says which resource and property it is.</summary>
sealed class Mocks : IMocks
{
    static readonly Dictionary<string, Type> s_types = typeof(Pulumi.Aws.Provider).Assembly.GetExportedTypes()
        .Where(type => type.IsSubclassOf(typeof(CustomResource)))
        .Select(type => (Type: type, Token: type.GetCustomAttribute<ResourceTypeAttribute>()?.Type))
        .Where(entry => entry.Token is not null).GroupBy(entry => entry.Token!).ToDictionary(group => group.Key, group => group.First().Type);

    /// <summary>Whether AWS lets a resource of this type carry tags.</summary>
    public static bool IsTaggable(string type) =>
        s_types.TryGetValue(type, out var known) && known.GetProperty("Tags") is { } tags && tags.GetCustomAttribute<OutputAttribute>() is not null;

    public Dictionary<string, IReadOnlyDictionary<string, object?>> Inputs { get; } = [];

    public Task<(string? id, object state)> NewResourceAsync(MockResourceArgs args)
    {
        var key = $"{args.Type} {args.Name}";
        lock (Inputs)
        {
            Assert.True(Inputs.TryAdd(key, args.Inputs!), $"Two resources are called {key}");
        }

        var state = s_types.TryGetValue(args.Type!, out var type)
            ? args.Inputs.SetItems(
                from property in type.GetProperties()
                let name = property.GetCustomAttribute<OutputAttribute>()?.Name
                where name is not null && property.PropertyType == typeof(Output<string>)
                select KeyValuePair.Create(name, (object)$"[[{key} {name}]]"))
            : args.Inputs;
        return Task.FromResult<(string?, object)>(($"[[{key} id]]", args.Type == "aws:eks/cluster:Cluster" ? AsCluster(key, state) : state));
    }

    // Outputs that are more than a text.
    static ImmutableDictionary<string, object> AsCluster(string key, ImmutableDictionary<string, object> state) => state
        .SetItem("certificateAuthority", Map("data", $"[[{key} certificateAuthority]]"))
        .SetItem("vpcConfig", ((ImmutableDictionary<string, object>)state["vpcConfig"]).SetItem("clusterSecurityGroupId", $"[[{key} clusterSecurityGroupId]]"))
        .SetItem("identities", ImmutableArray.Create<object>(Map("oidcs", ImmutableArray.Create<object>(Map("issuer", $"[[{key} issuer]]")))));

    static ImmutableDictionary<string, object> Map(string key, object value) => ImmutableDictionary<string, object>.Empty.Add(key, value);

    public Task<object> CallAsync(MockCallArgs args) => Task.FromResult<object>(args.Token switch
    {
        "aws:index/getAvailabilityZones:getAvailabilityZones" => args.Args.Add("names", ImmutableArray.Create("a", "b", "c", "d")),
        "aws:index/getCallerIdentity:getCallerIdentity" => args.Args.Add("accountId", "111122223333"),
        "aws:index/getPartition:getPartition" => args.Args.Add("partition", "aws").Add("dnsSuffix", "amazonaws.com"),
        "aws:ssm/getParameter:getParameter" => args.Args.Add("value", $"value of {args.Args["name"]}"),
        _ => throw new NotSupportedException($"The mocks have no answer to {args.Token}: add one here."),
    });
}
