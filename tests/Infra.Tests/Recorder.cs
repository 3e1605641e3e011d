using Pulumi;

namespace ControlPlane.Infra.Tests;

/// <summary>Sees what a mock is not told: parents, explicit dependencies, protection and aliases.</summary>
sealed class Recorder
{
    public sealed record Sighting(string Type, string Name, string? Parent, bool Protect)
    {
        public IReadOnlyList<string> DependsOn { get; set; } = [];
        public IReadOnlyList<string> AliasUrns { get; set; } = [];
    }

    readonly List<(Sighting Sighting, ResourceOptions Options)> _seen = [];

    public IEnumerable<Sighting> Seen => _seen.Select(seen => seen.Sighting);

    public ResourceTransformationResult? Record(ResourceTransformationArgs resource)
    {
        var sighting = new Sighting(
            resource.Resource.GetResourceType(), resource.Resource.GetResourceName(),
            resource.Options.Parent?.GetResourceName(), resource.Options.Protect ?? false);
        _seen.Add((sighting, resource.Options));
        return null;
    }

    /// <summary>Waits for what was promised while the program ran. Call it once, inside the test deployment.</summary>
    public async Task<IReadOnlyDictionary<string, (object? Value, bool Secret)>> ResolveAsync(IDictionary<string, object?> outputs)
    {
        foreach (var (sighting, options) in _seen)
        {
            var dependsOn = await ValueAsync(options.DependsOn.Apply(resources => resources));
            sighting.DependsOn = [.. dependsOn.Select(resource => $"{resource.GetResourceType()} {resource.GetResourceName()}")];
            var aliases = await Task.WhenAll(options.Aliases.Select(alias => ValueAsync(alias.Apply(value => value.Urn ?? ""))));
            sighting.AliasUrns = [.. aliases.Where(urn => urn.Length > 0)]; // Others are the provider's: former names of a type.
        }

        var resolved = new Dictionary<string, (object?, bool)>();
        foreach (var (name, value) in outputs)
        {
            resolved[name] = await ResolveAsync((dynamic?)value);
        }

        return resolved;
    }

    static async Task<(object? Value, bool Secret)> ResolveAsync<T>(Output<T> output) => (await ValueAsync(output), await Output.IsSecretAsync(output));

    static Task<(object? Value, bool Secret)> ResolveAsync(object? value) => Task.FromResult((value, false));

    static Task<T> ValueAsync<T>(Output<T> output)
    {
        var value = new TaskCompletionSource<T>();
        output.Apply(known =>
        {
            value.TrySetResult(known);
            return known;
        });
        return value.Task.WaitAsync(TimeSpan.FromSeconds(20)); // A failed output would never come; why it failed is reported by Pulumi.
    }
}
