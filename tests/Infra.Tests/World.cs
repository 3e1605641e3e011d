using System.Text.Json;
using System.Text.RegularExpressions;
using Pulumi;
using Pulumi.Testing;

// Configuration reaches Pulumi through an environment variable: one deployment at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace ControlPlane.Infra.Tests;

/// <summary>One resource as the engine would see it.</summary>
/// <param name="Inputs">By the names of AWS' schema: cidrBlock, tags. Values are strings, numbers, booleans, lists and maps of them.</param>
/// <param name="DependsOn">"type name" of every resource whose outputs it takes, or which it names in dependsOn.</param>
public sealed record Deployed(
    string Type, string Name, string? Parent, IReadOnlyDictionary<string, object?> Inputs, IReadOnlySet<string> DependsOn, bool Protect, IReadOnlyList<string> AliasUrns)
{
    public string Key => $"{Type} {Name}";
    public bool IsComponent => Type.StartsWith("controlplane:", StringComparison.Ordinal);

    /// <summary>An input by its path: "tags.Owner", "ingress.0.fromPort". <c>null</c> when it is not set.</summary>
    public object? this[string path] => path.Split('.').Aggregate((object?)Inputs, (value, step) => value switch
    {
        IReadOnlyDictionary<string, object?> map => map.GetValueOrDefault(step),
        IReadOnlyList<object?> list when int.Parse(step, null) < list.Count => list[int.Parse(step, null)],
        _ => null,
    });

    /// <summary>Tags have dots in their names, which a path cannot say.</summary>
    public object? Tag(string name) => (this["tags"] as IReadOnlyDictionary<string, object?>)?.GetValueOrDefault(name);

    /// <summary>An input that holds a JSON document: a policy.</summary>
    public JsonElement Json(string path) => JsonDocument.Parse((string)this[path]!).RootElement;

    /// <summary>Every IAM statement in it, with the input that holds it.</summary>
    public IEnumerable<(string Input, JsonElement Statement)> Statements() =>
        from input in Inputs
        where input.Value is string text && text.Contains("\"Statement\"", StringComparison.Ordinal)
        from statement in Json(input.Key).GetProperty("Statement").EnumerateArray()
        select (input.Key, statement);

    public IReadOnlyList<string> Texts(string path) => this[path] is IEnumerable<object?> items ? [.. items.Select(item => (string)item!)] : [];
}

/// <summary>A whole stack, built against mocks.</summary>
public sealed partial record World(IReadOnlyList<Deployed> Resources, IReadOnlyDictionary<string, object?> Outputs, IReadOnlySet<string> SecretOutputs)
{
    public IEnumerable<Deployed> Of(string type) => Resources.Where(resource => resource.Type == type);

    public Deployed One(string type, string name) => Resources.Single(resource => resource.Type == type && resource.Name == name);

    /// <summary>Resources of a type that take something from another resource: a bucket's versioning, a queue's policy.</summary>
    public IEnumerable<Deployed> About(Deployed other, string type) => Of(type).Where(resource => resource.DependsOn.Contains(other.Key));

    /// <summary>Of rules of security groups: whose it is, the other side (a group or a range), and the port.</summary>
    public IEnumerable<(string Group, string Other, int Port)> Ways(string type) => Of(type).Select(rule => (
        GroupOf(rule["securityGroupId"]), rule["referencedSecurityGroupId"] is { } other ? GroupOf(other) : (string)rule["cidrIpv4"]!, Convert.ToInt32(rule["fromPort"], null)));

    static string GroupOf(object? id) => Reference().Match((string)id!).Groups[1].Value.Split(' ')[1];

    /// <summary>Parent types and own type, and the name, as in the resource's URN.</summary>
    public string UrnOf(Deployed resource) => $"{string.Join('$', Ancestors(resource).Reverse().Append(resource).Select(each => each.Type))}::{resource.Name}";

    /// <summary>The component right under the topology that a resource belongs to; <c>null</c> for the topology itself.</summary>
    public string? TopComponentOf(Deployed resource) => Ancestors(resource).Prepend(resource).SkipLast(1).LastOrDefault()?.Name;

    // The nearest component first, the topology last.
    IEnumerable<Deployed> Ancestors(Deployed resource)
    {
        for (var parent = resource.Parent; parent is not null;)
        {
            var component = Resources.Single(candidate => candidate.IsComponent && candidate.Name == parent);
            yield return component;
            parent = component.Parent;
        }
    }

    /// <exception cref="Exception">The program's own: <see cref="SettingsException"/>, possibly wrapped by Pulumi.</exception>
    public static async Task<World> BuildAsync(StackFile stack)
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
        var resources = recorder.Seen.Select(seen => new Deployed(
            seen.Type, seen.Name, seen.Parent, mocks.Inputs[$"{seen.Type} {seen.Name}"],
            new SortedSet<string>(References(mocks.Inputs[$"{seen.Type} {seen.Name}"]).Concat(seen.DependsOn), StringComparer.Ordinal), seen.Protect, seen.AliasUrns));
        return new World(
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

    // The mocks answer every output with the resource and the property it came from: [[aws:ec2/vpc:Vpc network-vpc id]].
    [GeneratedRegex(@"\[\[(\w+:[^\s\""]+ [^\s\""]+) [^\s\""]+\]\]")]
    private static partial Regex Reference();
}
