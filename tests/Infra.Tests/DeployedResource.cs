using System.Text.Json;

namespace ControlPlane.Infra.Tests;

/// <summary>One resource as Pulumi's engine would receive it.</summary>
/// <param name="Inputs">By the names of the provider's schema: cidrBlock, tags. Values are strings, numbers, booleans, lists and maps.</param>
/// <param name="DependsOn">"type name" of each resource whose outputs it uses, or which its dependsOn contains.</param>
public sealed record DeployedResource(
    string Type, string Name, string? Parent, IReadOnlyDictionary<string, object?> Inputs, IReadOnlySet<string> DependsOn, bool Protect, IReadOnlyList<string> AliasUrns)
{
    public string Key => $"{Type} {Name}";
    public bool IsComponent => Type.StartsWith("controlplane:", StringComparison.Ordinal);

    /// <summary>An input by its path: "tags.Owner", "ingress.0.fromPort"; <c>null</c> if it is not set.</summary>
    public object? this[string path] => path.Split('.').Aggregate((object?)Inputs, (value, step) => value switch
    {
        IReadOnlyDictionary<string, object?> map => map.GetValueOrDefault(step),
        IReadOnlyList<object?> list when int.Parse(step, null) < list.Count => list[int.Parse(step, null)],
        _ => null,
    });

    /// <summary>For tags with dots in their names, which a path cannot express.</summary>
    public object? Tag(string name) => (this["tags"] as IReadOnlyDictionary<string, object?>)?.GetValueOrDefault(name);

    /// <summary>An input that is a JSON document, such as a policy.</summary>
    public JsonElement Json(string path) => JsonDocument.Parse((string)this[path]!).RootElement;

    /// <summary>The IAM statements of all its policy documents.</summary>
    public IEnumerable<JsonElement> Statements() =>
        from input in Inputs
        where input.Value is string text && text.Contains("\"Statement\"", StringComparison.Ordinal)
        from statement in Json(input.Key).GetProperty("Statement").EnumerateArray()
        select statement;

    public IReadOnlyList<string> Texts(string path) => this[path] is IEnumerable<object?> items ? [.. items.Select(item => (string)item!)] : [];
}
