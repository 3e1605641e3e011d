namespace ControlPlane.Infra.Tests;

/// <summary>The stacks of the repository, and variants that cover the program's other branches. Each is built once per run.</summary>
public sealed class Stacks
{
    static readonly Dictionary<string, Func<StackFile>> Files = new()
    {
        ["dev"] = () => StackFile.Read("dev"),
        ["dev, existing host"] = () => StackFile.Read("dev").With("vps:host", "192.0.2.10").With("vps:hostRegion", "berlin-1").With("controlplane:zoneId", "Z0123456789ABCDEFGHIJ"),
        ["prod"] = () => StackFile.Read("prod"),
        ["prod, cheaper"] = () => StackFile.Read("prod").With("network:natPerZone", "false").With("controlplane:protect", "false").With("eks:publicAccessFrom", null),
        ["prod, one region"] = () => StackFile.Read("prod").With("standby:region", null).With("functions:warmStart", "provisioned").With("functions:runtime", "provided.al2023").With("functions:artifacts", "s3://releases/controlplane/0.2.0"),
        ["dr"] = () => StackFile.Read("dr"),
        ["dr, promoted"] = () => StackFile.Read("dr").With("standby:promoted", "true"),
    };

    readonly Dictionary<string, StackSnapshot> _built = [];

    public static IReadOnlyCollection<string> All => Files.Keys;

    public static TheoryData<string> Names => [.. All];

    public async Task<StackSnapshot> GetAsync(string name)
    {
        if (!_built.TryGetValue(name, out var deployed))
        {
            _built[name] = deployed = await StackSnapshot.BuildAsync(Files[name]());
        }

        return deployed;
    }
}

[CollectionDefinition(nameof(Stacks))]
public sealed class StacksDefinition : ICollectionFixture<Stacks>;
