using Pulumi;
using Pulumi.Aws.AutoScaling;
using Pulumi.Aws.AutoScaling.Inputs;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;

namespace ControlPlane.Infra;

/// <summary>
/// What holds for every resource of a stack, whichever component makes it, so that none can forget it: tags that say whose it is,
/// protection of what holds data, and the former names of what holds data, so that a rename never replaces it.
/// </summary>
public sealed class Conventions(StackInfo stack, Renames renames)
{
    /// <summary>Types whose deletion loses data, addresses or trust that cannot be made again.</summary>
    public static readonly IReadOnlySet<string> StatefulTypes = new HashSet<string>
    {
        "aws:backup/vault:Vault", "aws:ebs/volume:Volume", "aws:ec2/eip:Eip", "aws:ecr/repository:Repository", "aws:efs/fileSystem:FileSystem",
        "aws:eks/cluster:Cluster", "aws:elasticache/replicationGroup:ReplicationGroup", "aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey",
        "aws:rds/instance:Instance", "aws:route53/zone:Zone", "aws:s3/bucket:Bucket", "aws:secretsmanager/secret:Secret",
    };

    public ResourceTransformationResult? Apply(ResourceTransformationArgs resource)
    {
        var (type, name) = (resource.Resource.GetResourceType(), resource.Resource.GetResourceName());
        Tag(resource.Args, name);
        return new ResourceTransformationResult(
            resource.Args,
            StatefulTypes.Contains(type) ? Keep((CustomResourceOptions)resource.Options, renames.Of(type, name)) : resource.Options);
    }

    // A copy: siblings may share one options object.
    CustomResourceOptions Keep(CustomResourceOptions options, IEnumerable<string> formerNames) =>
        CustomResourceOptions.Merge(options, new CustomResourceOptions
        {
            Protect = stack.Protect,
            Aliases = [.. formerNames.Select(former => (Input<Alias>)new Alias { Urn = $"urn:pulumi:{stack.Name}::{stack.Project}::{former}" })],
        });

    // Almost every taggable resource has a map called Tags; the two that make instances later carry the tags over to them.
    void Tag(ResourceArgs args, string name)
    {
        if (args.GetType().GetProperty("Tags")?.GetValue(args) is InputMap<string> tags)
        {
            foreach (var (key, value) in TagsOf(name))
            {
                tags.Add(key, value);
            }
        }

        if (args is GroupArgs group)
        {
            group.Tags.Add([.. TagsOf(name).Select(tag => (Input<GroupTagArgs>)new GroupTagArgs
            {
                Key = tag.Key,
                Value = tag.Value,
                PropagateAtLaunch = true,
            })]);
        }

        if (args is LaunchTemplateArgs template)
        {
            foreach (var kind in (string[])["instance", "volume", "network-interface"])
            {
                template.TagSpecifications.Add(new LaunchTemplateTagSpecificationArgs { ResourceType = kind, Tags = TagsOf(name).ToDictionary() });
            }
        }
    }

    IEnumerable<KeyValuePair<string, string>> TagsOf(string name) => stack.Tags.Append(new("Name", $"{stack.Name}-{name}"));
}
