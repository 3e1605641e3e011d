using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Backup;
using Pulumi.Aws.Kms;

namespace ControlPlane.Infra.Components;

/// <summary>
/// What this stack keeps in the second region, whether or not a standby runs there: the key, the copies of models and backups. Since version 7
/// the AWS provider takes a region per resource, so no second provider is needed.
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
        var inside = new CustomResourceOptions { Parent = this };
        Region = region;
        Key = new Key(name, new KeyArgs
        {
            Region = region,
            Description = $"{stack.Project} {stack.Name}: copies in the second region",
            EnableKeyRotation = true,
            DeletionWindowInDays = 30,
            Policy = Policy.Document(Keys.AccountAdministers(stack)),
        }, inside);
        Models = new PrivateBucket($"{name}-models", Key.Arn, BucketRules.OfModels(plan) with { Region = region }, stack, [], new ComponentResourceOptions { Parent = this });
        Vault = new Vault(name, new VaultArgs { Region = region, Name = stack.Named("copies"), KmsKeyArn = Key.Arn }, inside);
        RegisterOutputs();
    }
}
