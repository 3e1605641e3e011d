namespace ControlPlane.Infra.Tests;

/// <summary>The stacks in the tree, and variants that take the other branches of the program. Built once per run.</summary>
public sealed class Stacks
{
    static readonly Dictionary<string, Func<StackFile>> s_files = new()
    {
        ["dev"] = () => StackFile.Read("dev"),
        ["dev, existing host"] = () => StackFile.Read("dev").With("vps:host", "192.0.2.10").With("vps:hostRegion", "berlin-1").With("controlplane:zoneId", "Z0123456789ABCDEFGHIJ"),
        ["prod"] = () => StackFile.Read("prod"),
        ["prod, cheaper"] = () => StackFile.Read("prod").With("network:natPerZone", "false").With("controlplane:protect", "false").With("eks:publicAccessFrom", null),
        ["prod, one region"] = () => StackFile.Read("prod").With("standby:region", null).With("functions:warmStart", "provisioned").With("functions:runtime", "provided.al2023").With("functions:artifacts", "s3://releases/controlplane/0.1.0"),
        ["dr"] = () => StackFile.Read("dr"),
        ["dr, promoted"] = () => StackFile.Read("dr").With("standby:promoted", "true"),
    };

    readonly Dictionary<string, World> _built = [];

    public static IReadOnlyCollection<string> All => s_files.Keys;

    public static TheoryData<string> Names => [.. All];

    public async Task<World> GetAsync(string name)
    {
        if (!_built.TryGetValue(name, out var world))
        {
            _built[name] = world = await World.BuildAsync(s_files[name]());
        }

        return world;
    }
}

[CollectionDefinition(nameof(Stacks))]
public sealed class SharesStacks : ICollectionFixture<Stacks>;
