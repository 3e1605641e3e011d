using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>Common to all nodes: an encrypted disk, and instance metadata by IMDSv2 only, out of reach of pods.</summary>
static class NodeTemplate
{
    public static LaunchTemplateArgs Create(int diskGib) => new()
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
