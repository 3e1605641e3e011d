using System.Reflection;

namespace ControlPlane.Infra.Tests;

/// <summary>Every rule of <see cref="AccessRules"/>, <see cref="DataRules"/> and <see cref="OperationRules"/> passes for every stack, and can fail.</summary>
[Collection(nameof(Stacks))]
public sealed class RulesTests(Stacks stacks)
{
    static readonly Dictionary<string, Action<StackSnapshot>> Rules = new[] { typeof(AccessRules), typeof(DataRules), typeof(OperationRules) }
        .SelectMany(rules => rules.GetMethods(BindingFlags.Public | BindingFlags.Static))
        .ToDictionary(method => method.Name, method => method.CreateDelegate<Action<StackSnapshot>>());

    // A change to one resource of a stack, or an added resource, that violates the rule.
    static readonly Dictionary<string, (string Stack, string Resource, Dictionary<string, object?> Change)> Violations = new()
    {
        [nameof(AccessRules.Only_ports_80_and_443_are_open_to_the_internet)] = ("dev", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule host-network-ssh-1", new() { ["cidrIpv4"] = "0.0.0.0/0" }),
        [nameof(AccessRules.Security_group_rules_are_separate_resources)] = ("dev", "aws:ec2/securityGroup:SecurityGroup host-network-firewall", new() { ["ingress"] = "any" }),
        [nameof(AccessRules.Each_connection_between_groups_is_allowed_by_egress_and_ingress)] = ("prod",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule database-from-proxy-5432", new() { ["fromPort"] = 5433 }),
        [nameof(AccessRules.Security_group_descriptions_contain_only_characters_that_EC2_accepts)] = ("dev", "aws:ec2/securityGroup:SecurityGroup host-network-firewall", new()
        {
            ["description"] = "The host's firewall",
        }),
        [nameof(AccessRules.No_allowed_action_has_a_wildcard)] = ("prod", "aws:iam/rolePolicy:RolePolicy flow-logs", new() { ["policy"] = Document("logs:*", "arn:aws:logs:us-east-1:111122223333:log-group:x") }),
        [nameof(AccessRules.Policies_name_their_resources)] = ("prod", "aws:iam/rolePolicy:RolePolicy flow-logs", new() { ["policy"] = Document("logs:PutLogEvents", "*") }),
        [nameof(AccessRules.Trust_policies_name_their_principals)] = ("prod", "aws:iam/role:Role flow-logs", new()
        {
            ["assumeRolePolicy"] = """{"Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":"*"}]}""",
        }),
        [nameof(AccessRules.Function_code_cannot_manage_network_interfaces)] = ("prod", "aws:iam/rolePolicy:RolePolicy functions-api", new()
        {
            ["policy"] = Document("ec2:CreateNetworkInterface", "*"),
        }),
        [nameof(AccessRules.Roles_have_no_administrator_policies)] = ("dev", "aws:iam/rolePolicyAttachment:RolePolicyAttachment host-session-manager", new()
        {
            ["policyArn"] = "arn:aws:iam::aws:policy/AdministratorAccess",
        }),
        [nameof(AccessRules.The_only_IAM_user_may_send_mail_and_nothing_else)] = ("prod", "aws:iam/userPolicy:UserPolicy mail", new()
        {
            ["policy"] = Document("s3:GetObject", "arn:aws:s3:::anything/*"),
        }),
        [nameof(AccessRules.Instance_metadata_requires_IMDSv2_with_a_hop_limit_of_1)] = ("prod", "aws:ec2/launchTemplate:LaunchTemplate cpu-nodes", new() { ["metadataOptions"] = null }),
        [nameof(DataRules.Data_stores_are_encrypted)] = ("dev", "aws:ebs/volume:Volume data", new() { ["encrypted"] = false }),
        [nameof(DataRules.Databases_files_and_volumes_are_backed_up)] = ("dev", "aws:ebs/volume:Volume data", new() { ["tags"] = null }),
        [nameof(DataRules.No_bucket_is_public)] = ("dev", "aws:s3/bucket:Bucket open", []),
        [nameof(DataRules.File_systems_deny_access_without_TLS)] = ("dr", "aws:efs/fileSystemPolicy:FileSystemPolicy model-files", new() { ["fileSystemId"] = "fs-another" }),
        [nameof(DataRules.Every_queue_has_a_dead_letter_queue)] = ("prod", "aws:sqs/queue:Queue node-termination-news", new()
        {
            ["redrivePolicy"] = """{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:elsewhere","maxReceiveCount":3}""",
        }),
        [nameof(DataRules.Logs_are_encrypted_and_have_a_retention)] = ("prod", "aws:cloudwatch/logGroup:LogGroup flow-logs", new() { ["retentionInDays"] = null }),
        [nameof(OperationRules.Every_alarm_notifies_a_topic_with_subscriptions)] = ("prod", "aws:cloudwatch/metricAlarm:MetricAlarm alarms-api-error-rate", new() { ["alarmActions"] = null }),
        [nameof(OperationRules.Only_heartbeat_alarms_treat_missing_data_as_breaching)] = ("prod", "aws:cloudwatch/metricAlarm:MetricAlarm alarms-database-connectivity", new()
        {
            ["treatMissingData"] = "notBreaching",
        }),
        [nameof(OperationRules.Every_job_has_the_same_schedule_as_on_the_hosts)] = ("prod", "aws:scheduler/schedule:Schedule schedules-nightly", new()
        {
            ["scheduleExpression"] = "cron(0 12 * * ? *)",
        }),
        [nameof(OperationRules.Every_schedule_has_retries_and_a_dead_letter_queue)] = ("prod", "aws:scheduler/schedule:Schedule schedules-nightly", new() { ["target"] = null }),
        [nameof(OperationRules.Every_function_has_its_own_role_and_log_group)] = ("prod", "aws:lambda/function:Function functions-api", new() { ["architectures"] = null }),
        [nameof(OperationRules.TLS_1_2_is_the_minimum_everywhere)] = ("prod", "aws:lb/listener:Listener ingress-https", new() { ["sslPolicy"] = null }),
        [nameof(DataRules.Every_taggable_resource_has_owner_and_stack_tags)] = ("prod", "aws:autoscaling/group:Group gpu-nodes", new() { ["tags"] = null }),
    };

    public static IEnumerable<object[]> EveryRuleAndStack => from stack in Stacks.All from rule in Rules.Keys select new object[] { stack, rule };

    public static TheoryData<string> EveryRule => [.. Rules.Keys];

    [Theory]
    [MemberData(nameof(EveryRuleAndStack))]
    public async Task A_rule_passes_for_every_stack(string stack, string rule) => Rules[rule](await stacks.GetAsync(stack));

    [Theory]
    [MemberData(nameof(EveryRule))]
    public async Task A_rule_fails_on_a_violation(string rule)
    {
        var (stack, key, change) = Violations[rule];
        var deployed = await stacks.GetAsync(stack);
        var found = deployed.Resources.SingleOrDefault(resource => resource.Key == key)
            ?? new DeployedResource(key.Split(' ')[0], key.Split(' ')[1], "platform", new Dictionary<string, object?>(), new HashSet<string>(), Protect: false, AliasUrns: []);
        var violating = found with { Inputs = found.Inputs.Where(input => !change.ContainsKey(input.Key)).Concat(change.Where(input => input.Value is not null)).ToDictionary() };
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Rules[rule](deployed with { Resources = [.. deployed.Resources.Where(resource => resource.Key != key), violating] }));
    }

    [Fact]
    public void Every_stateful_type_has_an_encryption_rule() =>
        Assert.Equal(Conventions.StatefulTypes.Order(StringComparer.Ordinal), DataRules.Encrypted.Keys.Order(StringComparer.Ordinal));

    static string Document(string action, string resource) => $$"""{"Statement":[{"Effect":"Allow","Action":["{{action}}"],"Resource":["{{resource}}"]}]}""";
}
