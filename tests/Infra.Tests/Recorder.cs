using Pulumi;

namespace ControlPlane.Infra.Tests;

/// <summary>Records what Pulumi does not pass to mocks: parents, explicit dependencies, protection and aliases.</summary>
sealed class Recorder
{
    public sealed record RecordedResource(string Type, string Name, string? Parent, bool Protect)
    {
        public IReadOnlyList<string> DependsOn { get; set; } = [];
        public IReadOnlyList<string> AliasUrns { get; set; } = [];
    }

    readonly List<(RecordedResource Resource, ResourceOptions Options)> _recorded = [];

    public IEnumerable<RecordedResource> Recorded => _recorded.Select(entry => entry.Resource);

    public ResourceTransformationResult? Record(ResourceTransformationArgs resource)
    {
        var recorded = new RecordedResource(
            resource.Resource.GetResourceType(), resource.Resource.GetResourceName(),
            resource.Options.Parent?.GetResourceName(), resource.Options.Protect ?? false);
        _recorded.Add((recorded, resource.Options));
        return null;
    }

    /// <summary>Resolves the recorded dependencies and aliases, and the stack outputs. Call it once, inside the test deployment.</summary>
    public async Task<IReadOnlyDictionary<string, (object? Value, bool Secret)>> ResolveAsync(IDictionary<string, object?> outputs)
    {
        foreach (var (recorded, options) in _recorded)
        {
            var dependsOn = await ValueAsync(options.DependsOn.Apply(resources => resources));
            recorded.DependsOn = [.. dependsOn.Select(resource => $"{resource.GetResourceType()} {resource.GetResourceName()}")];
            var aliases = await Task.WhenAll(options.Aliases.Select(alias => ValueAsync(alias.Apply(value => value.Urn ?? ""))));
            recorded.AliasUrns = [.. aliases.Where(urn => urn.Length > 0)]; // The others are type aliases of the provider.
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
        return value.Task.WaitAsync(TimeSpan.FromSeconds(20)); // A failed output never resolves; Pulumi reports the failure.
    }
}
