using Pulumi;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>What every node has in common: an encrypted disk, and instance metadata (IMDSv2) that pods cannot reach.</summary>
static class NodeTemplate
{
    public static LaunchTemplateArgs Of(int diskGib) => new()
    {
        UpdateDefaultVersion = true,
        EbsOptimized = "true",
        MetadataOptions = new LaunchTemplateMetadataOptionsArgs { HttpEndpoint = "enabled", HttpTokens = "required", HttpPutResponseHopLimit = 1 },
        BlockDeviceMappings =
        {
            new LaunchTemplateBlockDeviceMappingArgs
            {
                DeviceName = "/dev/xvda",
                Ebs = new LaunchTemplateBlockDeviceMappingEbsArgs
                {
                    VolumeSize = diskGib,
                    VolumeType = "gp3",
                    Encrypted = "true",
                    DeleteOnTermination = "true",
                },
            },
        },
    };

    public static Output<string> LatestVersion(this LaunchTemplate template) => template.LatestVersion.Apply(version => version.ToString(null, null));
}
