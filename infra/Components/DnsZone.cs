using Pulumi;
using Pulumi.Aws.Route53;
using Pulumi.Aws.Route53.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>The domain's hosted zone: an existing one, or one of our own, which the registrar must then point to.</summary>
public sealed class DnsZone : ComponentResource
{
    public Input<string> Id { get; }

    /// <summary>To be entered at the registrar; empty for a zone that existed before.</summary>
    public Output<IEnumerable<string>> NameServers { get; } = Output.Create(Enumerable.Empty<string>());

    /// <summary>The zone of a standby: the primary makes it, and what both would say in it.</summary>
    public bool IsPrimarys { get; }

    readonly string _name;
    readonly string _domain;

    /// <param name="ofPrimary">A standby's names are in the primary's zone.</param>
    public DnsZone(string name, string domain, string? existingZoneId, ComponentResourceOptions? options = null, Output<string>? ofPrimary = null)
        : base("controlplane:edge:DnsZone", name, options)
    {
        (_name, _domain) = (name, domain);
        if (ofPrimary is not null)
        {
            (Id, IsPrimarys) = (ofPrimary, true);
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
    public void Point(string host, string type, Input<string> to) =>
        _ = new Record(NameOf(host, type), new RecordArgs
        {
            ZoneId = Id,
            Name = Full(host),
            Type = type,
            Ttl = 300,
            Records = { to },
        }, new CustomResourceOptions { Parent = this });

    /// <summary>A name for a load balancer, an API or a distribution of AWS, whose addresses change.</summary>
    /// <param name="type">A, or AAAA.</param>
    public void PointToAlias(string host, string type, Input<string> dnsName, Input<string> hostedZoneId) =>
        _ = new Record(NameOf(host, type), new RecordArgs
        {
            ZoneId = Id,
            Name = Full(host),
            Type = type,
            // There is nothing else that it could answer, and Route 53 refuses the question for a distribution.
            Aliases = { new RecordAliasArgs { Name = dnsName, ZoneId = hostedZoneId, EvaluateTargetHealth = false } },
        }, new CustomResourceOptions { Parent = this });

    /// <summary>
    /// A name that the primary and the standby both answer for: the primary's as long as it is healthy. CloudFront has addresses of both kinds, so
    /// what it serves is pointed to without this.
    /// </summary>
    /// <param name="healthCheck">Of the primary; a standby has none, it is the last resort.</param>
    public void PointToAliasOf(StackRole role, string host, Input<string> dnsName, Input<string> hostedZoneId, Output<string>? healthCheck)
    {
        var settings = new RecordArgs
        {
            ZoneId = Id,
            Name = Full(host),
            Type = "A",
            SetIdentifier = role.ToString().ToLowerInvariant(),
            FailoverRoutingPolicies = { new RecordFailoverRoutingPolicyArgs { Type = role == StackRole.Primary ? "PRIMARY" : "SECONDARY" } },
            Aliases = { new RecordAliasArgs { Name = dnsName, ZoneId = hostedZoneId, EvaluateTargetHealth = true } },
        };
        if (healthCheck is not null)
        {
            settings.HealthCheckId = healthCheck;
        }

        _ = new Record(NameOf(host, "A"), settings, new CustomResourceOptions { Parent = this });
    }

    public string Full(string host) => host.Length == 0 ? _domain : $"{host}.{_domain}";

    string NameOf(string host, string type)
    {
        var label = host.Length == 0 ? "apex" : host.Replace("*.", "all-", StringComparison.Ordinal);
        return type == "A" ? $"{_name}-{label}" : $"{_name}-{label}-{type.ToLowerInvariant()}";
    }
}
