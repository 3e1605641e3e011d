using System.Text.Json;

namespace ControlPlane.Infra.Tests;

/// <summary>Who may reach what, and who may do what: rules over every resource of every stack.</summary>
[Collection(nameof(Stacks))]
public sealed class AccessRules(Stacks stacks)
{
    // Actions for which AWS accepts no narrower resource than "*" (Service Authorization Reference).
    static readonly string[] s_withoutResource = ["Describe", "List", "GetInstanceTypesFromInstanceRequirements", "PutTraceSegments", "PutTelemetryRecords"];

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Only_the_web_is_open_to_the_world(string name)
    {
        foreach (var rule in (await stacks.GetAsync(name)).Of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").Where(rule => rule["cidrIpv4"] is "0.0.0.0/0" || rule["cidrIpv6"] is not null))
        {
            Assert.True(rule["ipProtocol"] is "tcp" && Port(rule, "fromPort") == Port(rule, "toPort") && Port(rule, "fromPort") is 80 or 443, $"{rule.Key} is open to the world");
        }
    }

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Security_groups_have_their_rules_as_resources_of_their_own(string name)
    {
        // Inline rules would hide from the rule above, and fight with rules that others add.
        Assert.All((await stacks.GetAsync(name)).Of("aws:ec2/securityGroup:SecurityGroup"), group => Assert.True(group["ingress"] is null && group["egress"] is null, group.Key));
        Assert.Empty((await stacks.GetAsync(name)).Of("aws:ec2/securityGroupRule:SecurityGroupRule"));
        Assert.All((await stacks.GetAsync(name)).Of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"), group => Assert.True(group["ingress"] is null && group["egress"] is null, group.Key));
    }

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task No_policy_has_a_star_action(string name)
    {
        foreach (var (resource, statement) in await StatementsAsync(name))
        {
            Assert.All(statement.Actions(), action => Assert.False(action.Contains('*'), $"{resource.Key} allows {action}"));
            Assert.NotEmpty(statement.Actions());
        }
    }

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Policies_name_their_resources(string name)
    {
        // In the policy of a key, "*" is the key itself.
        foreach (var (resource, statement) in (await StatementsAsync(name)).Where(entry => !entry.Resource.Type.StartsWith("aws:kms/", StringComparison.Ordinal) && entry.Statement.ResourceArns().Contains("*")))
        {
            Assert.All(statement.Actions(), action => Assert.True(s_withoutResource.Any(prefix => action.Split(':')[1].StartsWith(prefix, StringComparison.Ordinal)), $"{resource.Key} allows {action} on everything"));
        }
    }

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Nobody_is_trusted_without_a_name(string name)
    {
        foreach (var (resource, statement) in (await StatementsAsync(name)).Where(entry => entry.Statement.GetProperty("Effect").GetString() == "Allow"))
        {
            Assert.True(!statement.Principals().Contains("*") || statement.TryGetProperty("Condition", out _), $"{resource.Key} trusts everybody");
        }

        Assert.All((await stacks.GetAsync(name)).Of("aws:iam/role:Role"), role => Assert.Single(role.Json("assumeRolePolicy").GetProperty("Statement").EnumerateArray()));
    }

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Roles_have_no_administrator_policies_and_users_do_not_exist(string name)
    {
        var world = await stacks.GetAsync(name);
        Assert.Empty(world.Of("aws:iam/user:User"));
        Assert.Empty(world.Of("aws:iam/accessKey:AccessKey"));
        Assert.All(world.Of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"), attachment =>
            Assert.DoesNotMatch("AdministratorAccess|PowerUserAccess|FullAccess", (string)attachment["policyArn"]!));
    }

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Instance_metadata_needs_a_token_and_stays_on_the_host(string name)
    {
        var world = await stacks.GetAsync(name);
        foreach (var host in world.Of("aws:ec2/instance:Instance").Concat(world.Of("aws:ec2/launchTemplate:LaunchTemplate")))
        {
            Assert.Equal("required", host["metadataOptions.httpTokens"]);
            Assert.Equal(1, Convert.ToInt32(host["metadataOptions.httpPutResponseHopLimit"], null));
        }
    }

    async Task<IReadOnlyList<(Deployed Resource, JsonElement Statement)>> StatementsAsync(string name) =>
        [.. from resource in (await stacks.GetAsync(name)).Resources from found in resource.Statements() select (resource, found.Statement)];

    static int Port(Deployed rule, string which) => Convert.ToInt32(rule[which], null);
}
