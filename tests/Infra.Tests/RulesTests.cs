using System.Reflection;

namespace ControlPlane.Infra.Tests;

/// <summary>Every rule of <see cref="AccessRules"/>, <see cref="DataRules"/> and <see cref="OperationRules"/> holds in every stack, and can fail.</summary>
[Collection(nameof(Stacks))]
public sealed class RulesTests(Stacks stacks)
{
    static readonly Dictionary<string, Action<World>> s_rules = new[] { typeof(AccessRules), typeof(DataRules), typeof(OperationRules) }
        .SelectMany(rules => rules.GetMethods(BindingFlags.Public | BindingFlags.Static))
        .ToDictionary(method => method.Name, method => method.CreateDelegate<Action<World>>());

    // One resource of a stack, changed or added, so that the rule must object.
    static readonly Dictionary<string, (string Stack, string Resource, Dictionary<string, object?> Change)> s_violations = new()
    {
        [nameof(AccessRules.Only_the_web_is_open_to_the_world)] = ("dev", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule host-network-ssh-1", new() { ["cidrIpv4"] = "0.0.0.0/0" }),
        [nameof(AccessRules.Security_groups_have_their_rules_as_resources_of_their_own)] = ("dev", "aws:ec2/securityGroup:SecurityGroup host-network-firewall", new() { ["ingress"] = "any" }),
        [nameof(AccessRules.What_one_group_lets_out_to_another_the_other_lets_in_and_the_reverse)] = ("prod",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule database-from-proxy-5432", new() { ["fromPort"] = 5433 }),
        [nameof(AccessRules.Descriptions_of_security_groups_have_only_the_letters_that_EC2_takes)] = ("dev", "aws:ec2/securityGroup:SecurityGroup host-network-firewall", new()
        {
            ["description"] = "The host's firewall",
        }),
        [nameof(AccessRules.No_policy_has_a_star_action)] = ("prod", "aws:iam/rolePolicy:RolePolicy flow-logs", new() { ["policy"] = Document("logs:*", "arn:aws:logs:us-east-1:111122223333:log-group:x") }),
        [nameof(AccessRules.Policies_name_their_resources)] = ("prod", "aws:iam/rolePolicy:RolePolicy flow-logs", new() { ["policy"] = Document("logs:PutLogEvents", "*") }),
        [nameof(AccessRules.Nobody_is_trusted_without_a_name)] = ("prod", "aws:iam/role:Role flow-logs", new()
        {
            ["assumeRolePolicy"] = """{"Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":"*"}]}""",
        }),
        [nameof(AccessRules.Code_of_functions_may_not_touch_network_interfaces)] = ("prod", "aws:iam/rolePolicy:RolePolicy functions-api", new()
        {
            ["policy"] = Document("ec2:CreateNetworkInterface", "*"),
        }),
        [nameof(AccessRules.Roles_have_no_administrator_policies)] = ("dev", "aws:iam/rolePolicyAttachment:RolePolicyAttachment host-session-manager", new()
        {
            ["policyArn"] = "arn:aws:iam::aws:policy/AdministratorAccess",
        }),
        [nameof(AccessRules.The_only_user_may_send_mail_and_nothing_else)] = ("prod", "aws:iam/userPolicy:UserPolicy mail", new()
        {
            ["policy"] = Document("s3:GetObject", "arn:aws:s3:::anything/*"),
        }),
        [nameof(AccessRules.Instance_metadata_needs_a_token_and_stays_on_the_host)] = ("prod", "aws:ec2/launchTemplate:LaunchTemplate cpu-nodes", new() { ["metadataOptions"] = null }),
        [nameof(DataRules.What_stores_data_is_encrypted)] = ("dev", "aws:ebs/volume:Volume data", new() { ["encrypted"] = false }),
        [nameof(DataRules.Databases_files_and_volumes_are_backed_up)] = ("dev", "aws:ebs/volume:Volume data", new() { ["tags"] = null }),
        [nameof(DataRules.No_bucket_is_public)] = ("dev", "aws:s3/bucket:Bucket open", []),
        [nameof(DataRules.Files_are_mounted_by_TLS_only)] = ("dr", "aws:efs/fileSystemPolicy:FileSystemPolicy model-files", new() { ["fileSystemId"] = "fs-another" }),
        [nameof(DataRules.Every_queue_has_a_dead_letter_queue)] = ("prod", "aws:sqs/queue:Queue node-termination-news", new()
        {
            ["redrivePolicy"] = """{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:elsewhere","maxReceiveCount":3}""",
        }),
        [nameof(DataRules.Logs_are_encrypted_and_end)] = ("prod", "aws:cloudwatch/logGroup:LogGroup flow-logs", new() { ["retentionInDays"] = null }),
        [nameof(OperationRules.Every_alarm_has_an_action)] = ("prod", "aws:cloudwatch/metricAlarm:MetricAlarm alarms-api-error-rate", new() { ["alarmActions"] = null }),
        [nameof(OperationRules.Every_alarm_says_what_silence_means)] = ("prod", "aws:cloudwatch/metricAlarm:MetricAlarm alarms-database-connectivity", new()
        {
            ["treatMissingData"] = "notBreaching",
        }),
        [nameof(OperationRules.Every_job_is_scheduled_as_the_hosts_schedule_it)] = ("prod", "aws:scheduler/schedule:Schedule schedules-nightly", new()
        {
            ["scheduleExpression"] = "cron(0 12 * * ? *)",
        }),
        [nameof(OperationRules.Every_schedule_retries_and_then_sets_aside)] = ("prod", "aws:scheduler/schedule:Schedule schedules-nightly", new() { ["target"] = null }),
        [nameof(OperationRules.Every_function_has_a_role_and_a_log_of_its_own)] = ("prod", "aws:lambda/function:Function functions-api", new() { ["architectures"] = null }),
        [nameof(OperationRules.Nothing_older_than_TLS_1_2_is_spoken)] = ("prod", "aws:lb/listener:Listener ingress-https", new() { ["sslPolicy"] = null }),
        [nameof(DataRules.No_resource_is_without_owner_and_stack_tags)] = ("prod", "aws:autoscaling/group:Group gpu-nodes", new() { ["tags"] = null }),
    };

    public static IEnumerable<object[]> EveryRuleInEveryStack => from stack in Stacks.All from rule in s_rules.Keys select new object[] { stack, rule };

    public static TheoryData<string> EveryRule => [.. s_rules.Keys];

    [Theory]
    [MemberData(nameof(EveryRuleInEveryStack))]
    public async Task Holds(string stack, string rule) => s_rules[rule](await stacks.GetAsync(stack));

    [Theory]
    [MemberData(nameof(EveryRule))]
    public async Task Can_fail(string rule)
    {
        var (stack, key, change) = s_violations[rule];
        var world = await stacks.GetAsync(stack);
        var found = world.Resources.SingleOrDefault(resource => resource.Key == key)
            ?? new Deployed(key.Split(' ')[0], key.Split(' ')[1], "platform", new Dictionary<string, object?>(), new HashSet<string>(), Protect: false, AliasUrns: []);
        var violating = found with { Inputs = found.Inputs.Where(input => !change.ContainsKey(input.Key)).Concat(change.Where(input => input.Value is not null)).ToDictionary() };
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => s_rules[rule](world with { Resources = [.. world.Resources.Where(resource => resource.Key != key), violating] }));
    }

    [Fact]
    public void Every_stateful_type_has_an_encryption_rule() =>
        Assert.Equal(Conventions.StatefulTypes.Order(StringComparer.Ordinal), DataRules.Encrypted.Keys.Order(StringComparer.Ordinal));

    static string Document(string action, string resource) => $$"""{"Statement":[{"Effect":"Allow","Action":["{{action}}"],"Resource":["{{resource}}"]}]}""";
}
