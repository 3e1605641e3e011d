using System.Text.Json;

namespace ControlPlane.Infra.Tests;

/// <summary>Who may reach what, and who may do what: rules over every resource of every stack.</summary>
static class AccessRules
{
    // Actions for which AWS accepts no narrower resource than "*" (Service Authorization Reference).
    static readonly string[] s_withoutResource =
    [
        "Describe", "List", "GetInstanceTypesFromInstanceRequirements", "PutTraceSegments", "PutTelemetryRecords", "GetSampling", "GetTraceSummaries", "BatchGetTraces",
        "GetMetricData",
    ];

    // What Lambda needs to live in a VPC; AWS' own policy gives it on everything too. The function's code is denied it.
    static readonly string[] s_networkInterfaces = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"];

    public static void Only_the_web_is_open_to_the_world(World world)
    {
        foreach (var rule in world.Of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").Where(rule => rule["cidrIpv4"] is "0.0.0.0/0" || rule["cidrIpv6"] is not null))
        {
            Assert.True(rule["ipProtocol"] is "tcp" && Port(rule, "fromPort") == Port(rule, "toPort") && Port(rule, "fromPort") is 80 or 443, $"{rule.Key} is open to the world");
        }
    }

    public static void Security_groups_have_their_rules_as_resources_of_their_own(World world)
    {
        // Inline rules would hide from the rule above, and fight with rules that others add.
        Assert.All(world.Of("aws:ec2/securityGroup:SecurityGroup"), group => Assert.True(group["ingress"] is null && group["egress"] is null, group.Key));
        Assert.Empty(world.Of("aws:ec2/securityGroupRule:SecurityGroupRule"));
        Assert.All(world.Of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"), group => Assert.True(group["ingress"] is null && group["egress"] is null, group.Key));
    }

    /// <summary>The group of the cluster, which EKS makes, lets everything out.</summary>
    public static void What_one_group_lets_out_to_another_the_other_lets_in_and_the_reverse(World world)
    {
        var entries = world.Ways("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").ToList();
        var exits = world.Ways("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").ToList();
        Assert.All(exits.Where(way => way.Other is not "0.0.0.0/0"), way => Assert.Contains((way.Other, way.Group, way.Port), entries));
        Assert.All(entries.Where(way => !way.Other.Contains('/') && way.Other != "cluster"),
            way => Assert.True(exits.Contains((way.Other, way.Group, way.Port)) || exits.Contains((way.Other, "0.0.0.0/0", way.Port)), $"{way} cannot leave"));
    }

    // EC2 refuses others, and only when it is too late: while the stack is being built.
    public static void Descriptions_of_security_groups_have_only_the_letters_that_EC2_takes(World world) =>
        Assert.All(world.Resources.Where(resource => resource.Type.Contains("ecurityGroup", StringComparison.Ordinal) && resource["description"] is not null),
            resource => Assert.Matches("^[A-Za-z0-9. _:/()#,@\\[\\]+=&;{}!$*-]{1,255}$", (string)resource["description"]!));

    public static void No_policy_has_a_star_action(World world)
    {
        // A star that denies is a fence without gaps: buckets refuse whatever comes without TLS.
        foreach (var (resource, statement) in Statements(world).Where(entry => !entry.Statement.Denies()))
        {
            Assert.All(statement.Actions(), action => Assert.False(action.Contains('*'), $"{resource.Key} allows {action}"));
            Assert.NotEmpty(statement.Actions());
        }
    }

    public static void Policies_name_their_resources(World world)
    {
        // In the policy of a key, "*" is the key itself.
        foreach (var (resource, statement) in Statements(world).Where(entry => !entry.Resource.Type.StartsWith("aws:kms/", StringComparison.Ordinal) && !entry.Statement.Denies() && entry.Statement.ResourceArns().Contains("*")))
        {
            Assert.All(statement.Actions().Except(s_networkInterfaces), action => Assert.True(s_withoutResource.Any(prefix => action.Split(':')[1].StartsWith(prefix, StringComparison.Ordinal)), $"{resource.Key} allows {action} on everything"));
        }
    }

    public static void Nobody_is_trusted_without_a_name(World world)
    {
        foreach (var (resource, statement) in Statements(world).Where(entry => entry.Statement.GetProperty("Effect").GetString() == "Allow"))
        {
            Assert.True(!statement.Principals().Contains("*") || statement.TryGetProperty("Condition", out _), $"{resource.Key} trusts everybody");
        }

        Assert.All(world.Of("aws:iam/role:Role"), role => Assert.Single(role.Json("assumeRolePolicy").GetProperty("Statement").EnumerateArray()));
    }

    public static void Code_of_functions_may_not_touch_network_interfaces(World world) =>
        Assert.All(world.Of("aws:lambda/function:Function"), function => Assert.Single(
            world.One("aws:iam/rolePolicy:RolePolicy", function.Name).Statements(), found => found.Statement.Denies() && s_networkInterfaces.All(found.Statement.Actions().Contains)
                && found.Statement.GetProperty("Condition").GetRawText().Contains($"function:{function["name"]}\"", StringComparison.Ordinal)));

    public static void Roles_have_no_administrator_policies(World world) =>
        Assert.All(world.Of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"), attachment =>
            Assert.DoesNotMatch("AdministratorAccess|PowerUserAccess|FullAccess", (string)attachment["policyArn"]!));

    // SMTP takes passwords of users only. Everybody else has a role, and nobody else a key.
    public static void The_only_user_may_send_mail_and_nothing_else(World world)
    {
        Assert.All(world.Resources.Where(resource => resource.Type.StartsWith("aws:iam/user", StringComparison.Ordinal) || resource.Type is "aws:iam/accessKey:AccessKey"), resource =>
            Assert.Contains(resource.Key, (string[])["aws:iam/user:User mail", "aws:iam/userPolicy:UserPolicy mail", "aws:iam/accessKey:AccessKey mail"]));
        Assert.All(world.Of("aws:iam/userPolicy:UserPolicy").SelectMany(policy => policy.Statements()), found => Assert.Equal(["ses:SendRawEmail"], found.Statement.Actions()));
    }

    public static void Instance_metadata_needs_a_token_and_stays_on_the_host(World world)
    {
        foreach (var host in world.Of("aws:ec2/instance:Instance").Concat(world.Of("aws:ec2/launchTemplate:LaunchTemplate")))
        {
            Assert.Equal("required", host["metadataOptions.httpTokens"]);
            Assert.Equal(1, Convert.ToInt32(host["metadataOptions.httpPutResponseHopLimit"], null));
        }
    }

    static IEnumerable<(Deployed Resource, JsonElement Statement)> Statements(World world) =>
        from resource in world.Resources from found in resource.Statements() select (resource, found.Statement);

    static int Port(Deployed rule, string which) => Convert.ToInt32(rule[which], null);
}
