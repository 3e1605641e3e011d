using System.Collections.Immutable;
using System.Reflection;
using Pulumi;
using Pulumi.Testing;

namespace ControlPlane.Infra.Tests;

/// <summary>Replaces AWS. String outputs name their resource and property.</summary>
sealed class Mocks : IMocks
{
    static readonly Dictionary<string, Type> Types = typeof(Pulumi.Aws.Provider).Assembly.GetExportedTypes()
        .Where(type => type.IsSubclassOf(typeof(CustomResource)))
        .Select(type => (Type: type, Token: type.GetCustomAttribute<ResourceTypeAttribute>()?.Type))
        .Where(entry => entry.Token is not null).GroupBy(entry => entry.Token!).ToDictionary(group => group.Key, group => group.First().Type);

    /// <summary>Whether resources of this type support tags.</summary>
    public static bool IsTaggable(string type) =>
        Types.TryGetValue(type, out var known) && known.GetProperty("Tags") is { } tags && tags.GetCustomAttribute<OutputAttribute>() is not null;

    public Dictionary<string, IReadOnlyDictionary<string, object?>> Inputs { get; } = [];

    public Task<(string? id, object state)> NewResourceAsync(MockResourceArgs args)
    {
        var key = $"{args.Type} {args.Name}";
        lock (Inputs)
        {
            Assert.True(Inputs.TryAdd(key, args.Inputs!), $"Two resources have the name {key}");
        }

        var state = Types.TryGetValue(args.Type!, out var type)
            ? args.Inputs.SetItems(
                from property in type.GetProperties()
                let name = property.GetCustomAttribute<OutputAttribute>()?.Name
                where name is not null && property.PropertyType == typeof(Output<string>)
                select KeyValuePair.Create(name, (object)$"[[{key} {name}]]"))
            : args.Inputs;
        return Task.FromResult<(string?, object)>(($"[[{key} id]]", WithComplexOutputs(args.Type!, key, args.Inputs, state)));
    }

    // Adds outputs that are not strings.
    static ImmutableDictionary<string, object> WithComplexOutputs(string type, string key, ImmutableDictionary<string, object> inputs, ImmutableDictionary<string, object> state) => type switch
    {
        "aws:eks/cluster:Cluster" => ClusterState(key, state),
        "aws:eks/nodeGroup:NodeGroup" => state.SetItem("resources", List(Map("autoscalingGroups", List(Map("name", $"[[{key} autoscalingGroup]]"))))),
        "aws:elasticache/replicationGroup:ReplicationGroup" => state.SetItem("memberClusters", List($"[[{key} member]]-001", $"[[{key} member]]-002")),
        "aws:acm/certificate:Certificate" => state.SetItem("domainValidationOptions", ((IEnumerable<object>)inputs.GetValueOrDefault("subjectAlternativeNames", Array.Empty<object>()))
            .Append(inputs["domainName"]).Select(domain => (object)Map("domainName", domain).Add("resourceRecordName", $"[[{key} record]].{domain}").Add("resourceRecordType", "CNAME")
                .Add("resourceRecordValue", $"[[{key} validation]]")).ToImmutableArray()),
        "aws:apigatewayv2/domainName:DomainName" => state.SetItem("domainNameConfiguration", ((ImmutableDictionary<string, object>)state["domainNameConfiguration"])
            .Add("targetDomainName", $"[[{key} target]]").Add("hostedZoneId", $"[[{key} zone]]")),
        "aws:sesv2/emailIdentity:EmailIdentity" => state.SetItem("dkimSigningAttributes", Map("tokens", List("one", "two", "three"))),
        "aws:efs/replicationConfiguration:ReplicationConfiguration" => state.SetItem("destination", ((ImmutableDictionary<string, object>)state["destination"])
            .Add("fileSystemId", $"[[{key} copy]]")),
        "aws:secretsmanager/secretVersion:SecretVersion" => state.SetItem("secretString", inputs["secretString"]),
        "pulumi:pulumi:StackReference" => state.Add("secretOutputNames", List()).Add("outputs", PrimaryOutputs.ToImmutableDictionary(output => output, output => (object)$"arn:aws:of:us-east-1:111122223333:{output}")),
        _ => state,
    };

    /// <summary>Outputs of the primary that a standby uses. A test verifies that the primary has them.</summary>
    public static readonly string[] PrimaryOutputs =
        ["databaseArn", "modelFilesCopyId", "zoneId", "platformSecretArn", "originSecretArn", "originLabel", "ownerSecretArn", "copiesKeyArn", "tenantRegion"];

    static ImmutableDictionary<string, object> ClusterState(string key, ImmutableDictionary<string, object> state) => state
        .SetItem("certificateAuthority", Map("data", $"[[{key} certificateAuthority]]"))
        .SetItem("vpcConfig", ((ImmutableDictionary<string, object>)state["vpcConfig"]).SetItem("clusterSecurityGroupId", $"[[{key} clusterSecurityGroupId]]"))
        .SetItem("identities", ImmutableArray.Create<object>(Map("oidcs", ImmutableArray.Create<object>(Map("issuer", $"[[{key} issuer]]")))));

    // As in us-east-1 of some account, where the first zone does not support EKS.
    static ImmutableArray<string> Zones(ImmutableDictionary<string, object> arguments)
    {
        var excluded = ((IEnumerable<object>)arguments.GetValueOrDefault("excludeZoneIds", Array.Empty<object>())).Cast<string>();
        return [.. new[] { ("use1-az3", "x"), ("use1-az1", "a"), ("use1-az2", "b"), ("use1-az4", "c") }.ExceptBy(excluded, zone => zone.Item1).Select(zone => zone.Item2)];
    }

    static ImmutableArray<object> List(params object[] items) => [.. items];

    static ImmutableDictionary<string, object> Map(string key, object value) => ImmutableDictionary<string, object>.Empty.Add(key, value);

    public Task<object> CallAsync(MockCallArgs args) => Task.FromResult<object>(args.Token switch
    {
        "aws:index/getAvailabilityZones:getAvailabilityZones" => args.Args.Add("names", Zones(args.Args)),
        "aws:index/getCallerIdentity:getCallerIdentity" => args.Args.Add("accountId", "111122223333"),
        "aws:index/getPartition:getPartition" => args.Args.Add("partition", "aws").Add("dnsSuffix", "amazonaws.com"),
        "aws:secretsmanager/getRandomPassword:getRandomPassword" => args.Args.Add("randomPassword",
            args.Args.GetValueOrDefault("excludePunctuation") is true ? "0123456789abcdefghijklmnopqrstuv" : "/@\"' 56789abcdefghijklmnopqrstuv"),
        "aws:secretsmanager/getSecretVersion:getSecretVersion" => args.Args.Add("secretString", """{"token": "set by an operator", "previous": "created by the stack"}"""),
        "aws:ssm/getParameter:getParameter" => args.Args.Add("value", $"value of {args.Args["name"]}"),
        _ => throw new NotSupportedException($"The mocks do not support {args.Token}: add it here."),
    });
}
