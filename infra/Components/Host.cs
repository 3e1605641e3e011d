using Pulumi;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>The one instance of topology vps, its address, and the role it acts in.</summary>
public sealed class Host : ComponentResource
{
    public Instance Instance { get; }
    public Eip Address { get; }

    public Host(string name, Plan plan, HostNetwork network, DataVolume volume, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:host:Host", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };

        // The address is there before the instance, so that the first boot can fetch what it installs, and outlives it.
        var door = new NetworkInterface(name, new NetworkInterfaceArgs
        {
            SubnetId = network.Subnet.Id,
            SecurityGroups = { network.Firewall.Id },
        }, inside);
        Address = new Eip($"{name}-address", new EipArgs
        {
            Domain = "vpc",
            NetworkInterface = door.Id,
        }, new CustomResourceOptions { Parent = this, DependsOn = { network.WayOut } });
        var image = Pulumi.Aws.Ssm.GetParameter.Invoke(new() { Name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id" });
        var settings = new InstanceArgs
        {
            Ami = image.Apply(parameter => parameter.Value),
            InstanceType = plan.Vps.InstanceType,
            PrimaryNetworkInterface = new InstancePrimaryNetworkInterfaceArgs { NetworkInterfaceId = door.Id },
            IamInstanceProfile = Profile(name, stack).Name,
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
            settings.KeyName = new KeyPair(name, new KeyPairArgs { PublicKey = publicKey }, inside).KeyName;
        }

        Instance = new Instance(name, settings, new CustomResourceOptions
        {
            Parent = this,
            // A newer image or release must not replace a running host: it updates itself, and docs/deploy.md says how to upgrade.
            IgnoreChanges = { "ami", "userData" },
            DependsOn = { Address },
        });
        _ = new VolumeAttachment($"{name}-data", new VolumeAttachmentArgs
        {
            InstanceId = Instance.Id,
            VolumeId = volume.Volume.Id,
            DeviceName = "/dev/sdf",
            StopInstanceBeforeDetaching = true,
        }, inside);
        RegisterOutputs();
    }

    // All the host may do in AWS is to be reached through Session Manager.
    InstanceProfile Profile(string name, StackInfo stack)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var role = new Role(name, new RoleArgs
        {
            Description = "The host of topology vps",
            AssumeRolePolicy = Policy.TrustedBy("ec2.amazonaws.com"),
        }, inside);
        _ = new RolePolicyAttachment($"{name}-session-manager", new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("AmazonSSMManagedInstanceCore"),
        }, inside);
        return new InstanceProfile(name, new InstanceProfileArgs { Role = role.Name }, inside);
    }
}
