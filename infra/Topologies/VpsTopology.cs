using ControlPlane.Infra.Components;
using ControlPlane.Infra.Cost;
using Pulumi;

namespace ControlPlane.Infra.Topologies;

/// <summary>Everything on one host: an instance made here, or one that exists and only gets its names.</summary>
public sealed class VpsTopology : ComponentResource
{
    public IDictionary<string, object?> Outputs { get; }

    public VpsTopology(string name, Plan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:topology:Vps", name, options)
    {
        var inside = new ComponentResourceOptions { Parent = this };
        var zone = new DnsZone("dns", plan.Domain, plan.ZoneId, inside);
        Outputs = new Dictionary<string, object?>
        {
            ["portalUrl"] = $"https://{plan.Domain}",
            ["apiUrl"] = $"https://api.{plan.Domain}",
            ["nameServers"] = zone.NameServers,
            ["monthlyCost"] = CostPage.Summary(plan),
        };
        Input<string> address;
        if (plan.Vps.Host is { } existing)
        {
            address = existing;
            Outputs["bootstrapCommand"] = Bootstrap.Command(plan, "root");
        }
        else
        {
            var network = new HostNetwork("host-network", plan.Vps, inside);
            var volume = new DataVolume("data", plan.Vps, network.Subnet.AvailabilityZone, stack, inside);
            var host = new Components.Host("host", plan, network, volume, stack, inside);
            address = host.Address.PublicIp;
            Outputs["region"] = plan.Region;
            Outputs["instanceId"] = host.Instance.Id;
            Outputs["upgradeCommand"] = Output.Format(
                $"aws ssm send-command --region {plan.Region} --instance-ids {host.Instance.Id} --document-name AWS-RunShellScript --parameters '{Bootstrap.AsParameters(plan)}'");
            Outputs["connectCommand"] = Output.Format($"aws ssm start-session --region {plan.Region} --target {host.Instance.Id}");
        }

        foreach (var record in (string[])["", "api", "*.users"])
        {
            zone.Point(record, "A", address);
        }

        Outputs["address"] = address.ToOutput();
        RegisterOutputs();
    }
}
