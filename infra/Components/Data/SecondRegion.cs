using Pulumi.Aws.Backup;
using Pulumi.Aws.Kms;

namespace ControlPlane.Infra.Components.Data;

/// <summary>
/// This stack's resources in the second region, whether or not a standby runs there: the KMS key and the copies of models and backups. The AWS
/// provider accepts a region per resource since version 7, so no second provider is needed.
/// </summary>
public sealed class SecondRegion : ComponentResource
{
    public string Region { get; }
    public Key Key { get; }
    public PrivateBucket Models { get; }
    public Vault Vault { get; }

    public SecondRegion(string name, string region, DataPlan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:standby:SecondRegion", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Region = region;
        Key = Keys.Create(name, "copies in the second region", stack, this, region);
        Models = new PrivateBucket($"{name}-models", Key.Arn, BucketRules.ForModels(plan) with { Region = region }, stack, [], new ComponentResourceOptions { Parent = this });
        Vault = new Vault(name, new VaultArgs { Region = region, Name = stack.PhysicalName("copies"), KmsKeyArn = Key.Arn }, childOptions);
        RegisterOutputs();
    }
}
