using ControlPlane.Infra.Cost;

namespace ControlPlane.Infra.Topologies;

/// <summary>Everything on one host: an instance of this stack, or an existing host, for which the stack creates DNS records only.</summary>
public sealed class VpsTopology : ComponentResource
{
    public IDictionary<string, object?> Outputs { get; }

    public VpsTopology(string name, Plan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:topology:Vps", name, options)
    {
        var childOptions = new ComponentResourceOptions { Parent = this };
        var zone = new DnsZone("dns", plan.Domain, plan.ZoneId, childOptions);
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
            var network = new HostNetwork("host-network", plan.Vps, childOptions);
            var volume = new DataVolume("data", plan.Vps, network.Subnet.AvailabilityZone, stack, childOptions);
            var host = new VpsHost("host", plan, network, volume, stack, childOptions);
            address = host.Address.PublicIp;
            Outputs["region"] = plan.Region;
            Outputs["instanceId"] = host.Instance.Id;
            Outputs["upgradeCommand"] = Output.Format(
                $"aws ssm send-command --region {plan.Region} --instance-ids {host.Instance.Id} --document-name AWS-RunShellScript --parameters '{Bootstrap.SsmParameters(plan)}'");
            Outputs["connectCommand"] = Output.Format($"aws ssm start-session --region {plan.Region} --target {host.Instance.Id}");
        }

        foreach (var record in (string[])["", "api", "*.users"])
        {
            zone.AddRecord(record, "A", address);
        }

        Outputs["address"] = address.ToOutput();
        RegisterOutputs();
    }
}
