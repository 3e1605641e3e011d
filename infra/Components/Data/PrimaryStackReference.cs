namespace ControlPlane.Infra.Components.Data;

/// <summary>Outputs of the primary stack, for its standby. They come from the primary's last state, which does not depend on its region.</summary>
public sealed class PrimaryStackReference : ComponentResource
{
    readonly StackReference _stack;
    readonly string _region;

    /// <param name="fullName">organization/project/stack.</param>
    /// <param name="region">The standby's region.</param>
    public PrimaryStackReference(string name, string fullName, string region, ComponentResourceOptions? options = null)
        : base("controlplane:standby:Primary", name, options)
    {
        _region = region;
        _stack = new StackReference(fullName, new StackReferenceArgs(), new CustomResourceOptions { Parent = this });
        RegisterOutputs();
    }

    public Output<string> GetOutput(string name) => _stack.RequireOutput(name).Apply(value => (string)value);

    /// <summary>ARN of the secret's replica, which differs from the primary's only in the region.</summary>
    public Output<string> SecretReplicaArn(string arnOutput) => GetOutput(arnOutput).Apply(arn => WithRegion(arn, _region));

    // arn:partition:service:region:account:…
    internal static string WithRegion(string arn, string region)
    {
        var parts = arn.Split(':', 5);
        return string.Join(':', parts[0], parts[1], parts[2], region, parts[4]);
    }
}
