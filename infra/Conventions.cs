using Pulumi.Aws.AutoScaling;
using Pulumi.Aws.AutoScaling.Inputs;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;

namespace ControlPlane.Infra;

/// <summary>
/// Applied to every resource of a stack, whichever component creates it: ownership tags and, for stateful resources, deletion protection and
/// aliases of former names, so that a rename does not replace them.
/// </summary>
public sealed class Conventions(StackInfo stack, Renames renames)
{
    /// <summary>Types whose deletion loses data, keys, addresses or name servers that cannot be recreated.</summary>
    public static readonly IReadOnlySet<string> StatefulTypes = new HashSet<string>
    {
        "aws:backup/vault:Vault", "aws:ebs/volume:Volume", "aws:ec2/eip:Eip", "aws:ecr/repository:Repository", "aws:efs/fileSystem:FileSystem",
        "aws:eks/cluster:Cluster", "aws:elasticache/replicationGroup:ReplicationGroup", "aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey",
        "aws:rds/instance:Instance", "aws:route53/zone:Zone", "aws:s3/bucket:Bucket", "aws:secretsmanager/secret:Secret",
    };

    public ResourceTransformationResult? Apply(ResourceTransformationArgs resource)
    {
        var (type, name) = (resource.Resource.GetResourceType(), resource.Resource.GetResourceName());
        AddTags(resource.Args, name);
        return new ResourceTransformationResult(
            resource.Args,
            StatefulTypes.Contains(type) ? Protect((CustomResourceOptions)resource.Options, renames.FormerNamesOf(type, name)) : resource.Options);
    }

    // Returns a copy, because siblings may share one options object.
    CustomResourceOptions Protect(CustomResourceOptions options, IEnumerable<string> formerNames) =>
        CustomResourceOptions.Merge(options, new CustomResourceOptions
        {
            Protect = stack.Protect,
            Aliases = [.. formerNames.Select(former => (Input<Alias>)new Alias { Urn = $"urn:pulumi:{stack.Name}::{stack.Project}::{former}" })],
        });

    // Taggable resources have a map named Tags, except Auto Scaling groups. Groups and launch templates also pass the tags on to their instances.
    void AddTags(ResourceArgs args, string name)
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
