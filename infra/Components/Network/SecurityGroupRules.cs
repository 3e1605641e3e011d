using System.Globalization;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Vpc;

namespace ControlPlane.Infra.Components.Network;

/// <summary>A security group with one rule per TCP port and peer. Without rules it allows no traffic.</summary>
public sealed class SecurityGroupRules
{
    const string Anywhere = "0.0.0.0/0";

    readonly string _name;
    readonly Resource _parent;
    readonly List<Resource> _rules = [];

    public Output<string> GroupId { get; }

    /// <summary>A resource that connects while the stack is being deployed has to depend on them.</summary>
    public IReadOnlyList<Resource> Rules => _rules;

    public SecurityGroupRules(string name, string description, Input<string> vpcId, Resource parent)
    {
        (_name, _parent) = (name, parent);
        GroupId = new SecurityGroup(name, new SecurityGroupArgs { VpcId = vpcId, Description = description }, new CustomResourceOptions { Parent = parent }).Id;
    }

    /// <param name="peer">Part of the rule's resource name, and its description.</param>
    public void AllowIngress(string peer, int port, Input<string> fromGroup) =>
        _rules.Add(IngressRule(RuleName("from", peer, port), GroupId, port, peer, _parent, fromGroup: fromGroup));

    public void AllowPublicIngress(int port) =>
        _rules.Add(IngressRule(RuleName("from", "world", port), GroupId, port, "Anywhere", _parent, fromCidr: Anywhere));

    /// <param name="peer">Part of the rule's resource name, and its description.</param>
    public void AllowEgress(string peer, int port, Input<string> toGroup) =>
        _rules.Add(EgressRule(RuleName("to", peer, port), GroupId, port, peer, _parent, toGroup: toGroup));

    public void AllowPublicEgress(int port) =>
        _rules.Add(EgressRule(RuleName("to", "world", port), GroupId, port, "Anywhere", _parent, toCidr: Anywhere));

    /// <summary>A rule for a group that another component or EKS has created. Specify either a group or a range.</summary>
    public static SecurityGroupIngressRule IngressRule(
        string name, Input<string> groupId, int port, string description, Resource parent, Input<string>? fromGroup = null, string? fromCidr = null) =>
        new(name, new SecurityGroupIngressRuleArgs
        {
            SecurityGroupId = groupId,
            ReferencedSecurityGroupId = fromGroup!,
            CidrIpv4 = Inputs.Optional(fromCidr)!,
            IpProtocol = "tcp",
            FromPort = port,
            ToPort = port,
            Description = description,
        }, new CustomResourceOptions { Parent = parent });

    /// <inheritdoc cref="IngressRule"/>
    public static SecurityGroupEgressRule EgressRule(
        string name, Input<string> groupId, int port, string description, Resource parent, Input<string>? toGroup = null, string? toCidr = null) =>
        new(name, new SecurityGroupEgressRuleArgs
        {
            SecurityGroupId = groupId,
            ReferencedSecurityGroupId = toGroup!,
            CidrIpv4 = Inputs.Optional(toCidr)!,
            IpProtocol = "tcp",
            FromPort = port,
            ToPort = port,
            Description = description,
        }, new CustomResourceOptions { Parent = parent });

    string RuleName(string direction, string peer, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{_name}-{direction}-{peer.ToLowerInvariant().Replace(' ', '-')}-{port}");
}
