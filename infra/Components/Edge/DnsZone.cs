using Pulumi.Aws.Route53;
using Pulumi.Aws.Route53.Inputs;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>The domain's hosted zone: an existing one, or one the stack creates, which the registrar then has to delegate to.</summary>
public sealed class DnsZone : ComponentResource
{
    public Input<string> Id { get; }

    /// <summary>To be entered at the registrar; empty for an existing zone.</summary>
    public Output<IEnumerable<string>> NameServers { get; } = Output.Create(Enumerable.Empty<string>());

    /// <summary>In a standby: the primary stack owns the zone, and the records that both stacks would create.</summary>
    public bool IsOwnedByPrimary { get; }

    readonly string _name;
    readonly string _domain;

    /// <param name="primaryZoneId">In a standby, whose records are in the primary's zone.</param>
    public DnsZone(string name, string domain, string? existingZoneId, ComponentResourceOptions? options = null, Output<string>? primaryZoneId = null)
        : base("controlplane:edge:DnsZone", name, options)
    {
        (_name, _domain) = (name, domain);
        if (primaryZoneId is not null)
        {
            (Id, IsOwnedByPrimary) = (primaryZoneId, true);
        }
        else if (existingZoneId is not null)
        {
            Id = existingZoneId;
        }
        else
        {
            var zone = new Zone(name, new ZoneArgs { Name = domain, Comment = "CFS LLM Platform" }, new CustomResourceOptions { Parent = this });
            Id = zone.ZoneId;
            NameServers = zone.NameServers.Apply(servers => servers.AsEnumerable());
        }

        RegisterOutputs();
    }

    /// <param name="host">Relative to the domain: "api", "*.users"; empty for the domain itself.</param>
    public void AddRecord(string host, string type, Input<string> value) =>
        _ = new Record(ResourceName(host, type), new RecordArgs
        {
            ZoneId = Id,
            Name = FullName(host),
            Type = type,
            Ttl = 300,
            Records = { value },
        }, new CustomResourceOptions { Parent = this });

    /// <summary>An alias record for a load balancer, an API or a distribution.</summary>
    /// <param name="type">A or AAAA.</param>
    /// <param name="name">The full name, where it is secret; <paramref name="host"/> then only names the resource.</param>
    public void AddAlias(string host, string type, Input<string> dnsName, Input<string> hostedZoneId, Input<string>? name = null) =>
        _ = new Record(ResourceName(host, type), new RecordArgs
        {
            ZoneId = Id,
            Name = name ?? FullName(host),
            Type = type,
            // There is no alternative to fail over to, and Route 53 does not evaluate the health of CloudFront distributions.
            Aliases = { new RecordAliasArgs { Name = dnsName, ZoneId = hostedZoneId, EvaluateTargetHealth = false } },
        }, new CustomResourceOptions { Parent = this });

    /// <summary>
    /// An alias record that fails over from the primary to the standby. It is IPv4 only: its targets, unlike CloudFront, have no IPv6 addresses.
    /// </summary>
    /// <param name="healthCheck">The primary's; <c>null</c> in a standby.</param>
    /// <param name="name">As for <see cref="AddAlias"/>.</param>
    public void AddFailoverAlias(
        StackRole role, string host, Input<string> dnsName, Input<string> hostedZoneId, Output<string>? healthCheck, Input<string>? name = null)
    {
        var settings = new RecordArgs
        {
            ZoneId = Id,
            Name = name ?? FullName(host),
            Type = "A",
            SetIdentifier = role.ToString().ToLowerInvariant(),
            FailoverRoutingPolicies = { new RecordFailoverRoutingPolicyArgs { Type = role == StackRole.Primary ? "PRIMARY" : "SECONDARY" } },
            Aliases = { new RecordAliasArgs { Name = dnsName, ZoneId = hostedZoneId, EvaluateTargetHealth = true } },
        };
        if (healthCheck is not null)
        {
            settings.HealthCheckId = healthCheck;
        }

        _ = new Record(ResourceName(host, "A"), settings, new CustomResourceOptions { Parent = this });
    }

    public string FullName(string host) => host.Length == 0 ? _domain : $"{host}.{_domain}";

    string ResourceName(string host, string type)
    {
        var label = host.Length == 0 ? "apex" : host.Replace("*.", "all-", StringComparison.Ordinal);
        return type == "A" ? $"{_name}-{label}" : $"{_name}-{label}-{type.ToLowerInvariant()}";
    }
}
