using System.Globalization;
using Pulumi;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Vpc;

namespace ControlPlane.Infra.Components;

/// <summary>A security group whose every rule names a port and the other side. Without rules nothing comes in and nothing goes out.</summary>
public sealed class Doors
{
    readonly string _name;
    readonly CustomResourceOptions _inside;

    public Output<string> GroupId { get; }

    /// <summary>What calls through the doors has to wait for them.</summary>
    public IReadOnlyList<Resource> Rules => _rules;

    readonly List<Resource> _rules = [];

    public Doors(string name, string description, Input<string> vpcId, Resource parent)
    {
        (_name, _inside) = (name, new CustomResourceOptions { Parent = parent });
        GroupId = new SecurityGroup(name, new SecurityGroupArgs { VpcId = vpcId, Description = description }, _inside).Id;
    }

    public void LetIn(string who, int port, Input<string> fromGroup) => _rules.Add(new SecurityGroupIngressRule(Name("from", who, port), new SecurityGroupIngressRuleArgs
    {
        SecurityGroupId = GroupId,
        ReferencedSecurityGroupId = fromGroup,
        IpProtocol = "tcp",
        FromPort = port,
        ToPort = port,
        Description = who,
    }, _inside));

    public void LetWorldIn(int port) => _rules.Add(new SecurityGroupIngressRule(Name("from", "world", port), new SecurityGroupIngressRuleArgs
    {
        SecurityGroupId = GroupId,
        CidrIpv4 = "0.0.0.0/0",
        IpProtocol = "tcp",
        FromPort = port,
        ToPort = port,
        Description = "Everyone",
    }, _inside));

    public void LetOut(string toWhom, int port, Input<string> toGroup) => _rules.Add(new SecurityGroupEgressRule(Name("to", toWhom, port), new SecurityGroupEgressRuleArgs
    {
        SecurityGroupId = GroupId,
        ReferencedSecurityGroupId = toGroup,
        IpProtocol = "tcp",
        FromPort = port,
        ToPort = port,
        Description = toWhom,
    }, _inside));

    public void LetOutToWorld(int port) => _rules.Add(new SecurityGroupEgressRule(Name("to", "world", port), new SecurityGroupEgressRuleArgs
    {
        SecurityGroupId = GroupId,
        CidrIpv4 = "0.0.0.0/0",
        IpProtocol = "tcp",
        FromPort = port,
        ToPort = port,
        Description = "Everyone",
    }, _inside));

    string Name(string direction, string who, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{_name}-{direction}-{who.ToLowerInvariant().Replace(' ', '-')}-{port}");
}
