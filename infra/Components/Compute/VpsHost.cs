using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>The instance of topology vps, its address and its IAM role.</summary>
public sealed class VpsHost : ComponentResource
{
    public Instance Instance { get; }
    public Eip Address { get; }

    public VpsHost(string name, Plan plan, HostNetwork network, DataVolume volume, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:host:Host", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };

        // The address exists before the instance, which downloads the release at first boot, and survives a replacement of the instance.
        var networkInterface = new NetworkInterface(name, new NetworkInterfaceArgs
        {
            SubnetId = network.Subnet.Id,
            SecurityGroups = { network.Firewall.Id },
        }, childOptions);
        Address = new Eip($"{name}-address", new EipArgs
        {
            Domain = "vpc",
            NetworkInterface = networkInterface.Id,
        }, new CustomResourceOptions { Parent = this, DependsOn = { network.InternetRoute } });
        var image = Pulumi.Aws.Ssm.GetParameter.Invoke(new() { Name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id" });
        var settings = new InstanceArgs
        {
            Ami = image.Apply(parameter => parameter.Value),
            InstanceType = plan.Vps.InstanceType,
            PrimaryNetworkInterface = new InstancePrimaryNetworkInterfaceArgs { NetworkInterfaceId = networkInterface.Id },
            IamInstanceProfile = CreateProfile(name, stack).Name,
            MetadataOptions = new InstanceMetadataOptionsArgs { HttpEndpoint = "enabled", HttpTokens = "required", HttpPutResponseHopLimit = 1 },
            RootBlockDevice = new InstanceRootBlockDeviceArgs
            {
                Encrypted = true,
                VolumeType = "gp3",
                VolumeSize = plan.Vps.RootGib,
                Tags = stack.Tags.ToDictionary(),
            },
            EbsOptimized = true,
            DisableApiTermination = stack.Protect,
            UserData = volume.Volume.Id.Apply(id => Bootstrap.CloudInit(plan, id)),
        };
        if (plan.Vps.SshPublicKey is { } publicKey)
        {
            settings.KeyName = new KeyPair(name, new KeyPairArgs { PublicKey = publicKey }, childOptions).KeyName;
        }

        Instance = new Instance(name, settings, new CustomResourceOptions
        {
            Parent = this,
            // A new image or release must not replace the running host. It installs OS updates itself; docs/deploy.md describes upgrades.
            IgnoreChanges = { "ami", "userData" },
            DependsOn = { Address },
        });
        _ = new VolumeAttachment($"{name}-data", new VolumeAttachmentArgs
        {
            InstanceId = Instance.Id,
            VolumeId = volume.Volume.Id,
            DeviceName = "/dev/sdf",
            StopInstanceBeforeDetaching = true,
        }, childOptions);
        RegisterOutputs();
    }

    // The host's only AWS permission is Session Manager.
    InstanceProfile CreateProfile(string name, StackInfo stack)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var role = new Role(name, new RoleArgs
        {
            Description = "The host of topology vps",
            AssumeRolePolicy = Policy.TrustedBy("ec2.amazonaws.com"),
        }, childOptions);
        _ = new RolePolicyAttachment($"{name}-session-manager", new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("AmazonSSMManagedInstanceCore"),
        }, childOptions);
        return new InstanceProfile(name, new InstanceProfileArgs { Role = role.Name }, childOptions);
    }
}
