using Pulumi;

namespace ControlPlane.Infra.Components;

/// <summary>What a standby reads from the stack it takes over from. It reads the primary's last state, which outlives the primary's region.</summary>
public sealed class Primary : ComponentResource
{
    readonly StackReference _stack;
    readonly string _region;

    /// <param name="fullName">organization/project/stack.</param>
    /// <param name="region">The standby's own.</param>
    public Primary(string name, string fullName, string region, ComponentResourceOptions? options = null)
        : base("controlplane:standby:Primary", name, options)
    {
        _region = region;
        _stack = new StackReference(fullName, new StackReferenceArgs(), new CustomResourceOptions { Parent = this });
        RegisterOutputs();
    }

    public Output<string> Text(string output) => _stack.RequireOutput(output).Apply(value => (string)value);

    /// <summary>The copy of a secret: the same name and ARN, in this region.</summary>
    public Output<string> CopyOf(string secretArnOutput) => Text(secretArnOutput).Apply(arn => InRegion(arn, _region));

    // arn:partition:service:region:account:…
    internal static string InRegion(string arn, string region)
    {
        var parts = arn.Split(':', 5);
        return string.Join(':', parts[0], parts[1], parts[2], region, parts[4]);
    }
}
