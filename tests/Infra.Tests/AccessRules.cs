using System.Text.Json;

namespace ControlPlane.Infra.Tests;

/// <summary>Rules on network access and IAM policies, for every resource of every stack.</summary>
static class AccessRules
{
    // Prefixes of actions without resource-level permissions (Service Authorization Reference).
    static readonly string[] WithoutResourcePermissions =
    [
        "Describe", "List", "GetInstanceTypesFromInstanceRequirements", "PutTraceSegments", "PutTelemetryRecords", "GetSampling", "GetTraceSummaries", "BatchGetTraces",
        "GetMetricData",
    ];

    // Required by Lambda to run in a VPC; AWS's managed policy allows them on all resources, too. The function's code is denied them.
    static readonly string[] NetworkInterfaceActions = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"];

    public static void Only_ports_80_and_443_are_open_to_the_internet(StackSnapshot deployed)
    {
        foreach (var rule in deployed.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").Where(rule => rule["cidrIpv4"] is "0.0.0.0/0" || rule["cidrIpv6"] is not null))
        {
            Assert.True(rule["ipProtocol"] is "tcp" && Port(rule, "fromPort") == Port(rule, "toPort") && Port(rule, "fromPort") is 80 or 443, $"{rule.Key} is open to the internet");
        }
    }

    public static void Security_group_rules_are_separate_resources(StackSnapshot deployed)
    {
        // The rule above does not see inline rules, and they conflict with separate ones.
        Assert.All(deployed.OfType("aws:ec2/securityGroup:SecurityGroup"), group => Assert.True(group["ingress"] is null && group["egress"] is null, group.Key));
        Assert.Empty(deployed.OfType("aws:ec2/securityGroupRule:SecurityGroupRule"));
        Assert.All(deployed.OfType("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"), group => Assert.True(group["ingress"] is null && group["egress"] is null, group.Key));
    }

    /// <summary>Except the cluster's security group, which EKS creates with unrestricted egress.</summary>
    public static void Each_connection_between_groups_is_allowed_by_egress_and_ingress(StackSnapshot deployed)
    {
        var (ingress, egress) = (deployed.IngressRules.ToList(), deployed.EgressRules.ToList());
        Assert.All(egress.Where(rule => rule.Peer is not "0.0.0.0/0"), rule => Assert.Contains((rule.Peer, rule.Group, rule.Port), ingress));
        Assert.All(ingress.Where(rule => !rule.Peer.Contains('/') && rule.Peer != "cluster"), rule =>
            Assert.True(egress.Contains((rule.Peer, rule.Group, rule.Port)) || egress.Contains((rule.Peer, "0.0.0.0/0", rule.Port)), $"{rule} has no egress rule"));
    }

    // EC2 rejects other characters only during the deployment.
    public static void Security_group_descriptions_contain_only_characters_that_EC2_accepts(StackSnapshot deployed) =>
        Assert.All(deployed.Resources.Where(resource => resource.Type.Contains("ecurityGroup", StringComparison.Ordinal) && resource["description"] is not null),
            resource => Assert.Matches("^[A-Za-z0-9. _:/()#,@\\[\\]+=&;{}!$*-]{1,255}$", (string)resource["description"]!));

    public static void No_allowed_action_has_a_wildcard(StackSnapshot deployed)
    {
        // A deny may use a wildcard: buckets deny all requests without TLS.
        foreach (var (resource, statement) in Statements(deployed).Where(entry => !entry.Statement.Denies()))
        {
            Assert.All(statement.Actions(), action => Assert.False(action.Contains('*'), $"{resource.Key} allows {action}"));
            Assert.NotEmpty(statement.Actions());
        }
    }

    public static void Policies_name_their_resources(StackSnapshot deployed)
    {
        // In a key policy, "*" is the key itself.
        foreach (var (resource, statement) in Statements(deployed).Where(entry => !entry.Resource.Type.StartsWith("aws:kms/", StringComparison.Ordinal) && !entry.Statement.Denies() && entry.Statement.ResourceArns().Contains("*")))
        {
            Assert.All(statement.Actions().Except(NetworkInterfaceActions), action => Assert.True(WithoutResourcePermissions.Any(prefix => action.Split(':')[1].StartsWith(prefix, StringComparison.Ordinal)), $"{resource.Key} allows {action} on all resources"));
        }
    }

    public static void Trust_policies_name_their_principals(StackSnapshot deployed)
    {
        foreach (var (resource, statement) in Statements(deployed).Where(entry => entry.Statement.GetProperty("Effect").GetString() == "Allow"))
        {
            Assert.True(!statement.Principals().Contains("*") || statement.TryGetProperty("Condition", out _), $"{resource.Key} trusts any principal");
        }

        Assert.All(deployed.OfType("aws:iam/role:Role"), role => Assert.Single(role.Json("assumeRolePolicy").GetProperty("Statement").EnumerateArray()));
    }

    public static void Function_code_cannot_manage_network_interfaces(StackSnapshot deployed) =>
        Assert.All(deployed.OfType("aws:lambda/function:Function"), function => Assert.Single(
            deployed.Get("aws:iam/rolePolicy:RolePolicy", function.Name).Statements(), statement => statement.Denies() && NetworkInterfaceActions.All(statement.Actions().Contains)
                && statement.GetProperty("Condition").GetRawText().Contains($"function:{function["name"]}\"", StringComparison.Ordinal)));

    public static void Roles_have_no_administrator_policies(StackSnapshot deployed) =>
        Assert.All(deployed.OfType("aws:iam/rolePolicyAttachment:RolePolicyAttachment"), attachment =>
            Assert.DoesNotMatch("AdministratorAccess|PowerUserAccess|FullAccess", (string)attachment["policyArn"]!));

    // SES accepts SMTP passwords of IAM users only. All other principals are roles without access keys.
    public static void The_only_IAM_user_may_send_mail_and_nothing_else(StackSnapshot deployed)
    {
        Assert.All(deployed.Resources.Where(resource => resource.Type.StartsWith("aws:iam/user", StringComparison.Ordinal) || resource.Type is "aws:iam/accessKey:AccessKey"), resource =>
            Assert.Contains(resource.Key, (string[])["aws:iam/user:User mail", "aws:iam/userPolicy:UserPolicy mail", "aws:iam/accessKey:AccessKey mail"]));
        Assert.All(deployed.OfType("aws:iam/userPolicy:UserPolicy").SelectMany(policy => policy.Statements()), statement => Assert.Equal(["ses:SendRawEmail"], statement.Actions()));
    }

    public static void Instance_metadata_requires_IMDSv2_with_a_hop_limit_of_1(StackSnapshot deployed)
    {
        foreach (var host in deployed.OfType("aws:ec2/instance:Instance").Concat(deployed.OfType("aws:ec2/launchTemplate:LaunchTemplate")))
        {
            Assert.Equal("required", host["metadataOptions.httpTokens"]);
            Assert.Equal(1, Convert.ToInt32(host["metadataOptions.httpPutResponseHopLimit"], null));
        }
    }

    static IEnumerable<(DeployedResource Resource, JsonElement Statement)> Statements(StackSnapshot deployed) =>
        from resource in deployed.Resources from statement in resource.Statements() select (resource, statement);

    static int Port(DeployedResource rule, string property) => Convert.ToInt32(rule[property], null);
}
