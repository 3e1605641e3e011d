using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class FunctionsTests(Stacks stacks)
{
    const string Function = "aws:lambda/function:Function";

    [Fact]
    public async Task Every_part_is_a_function_in_the_VPC_with_tracing()
    {
        var functions = (await stacks.GetAsync("prod")).OfType(Function).ToList();
        Assert.Equal(["functions-api", "functions-authorize", "functions-database", "functions-jobs", "functions-provision", "functions-usage"], functions.Select(function => function.Name));
        Assert.All(functions, function => Assert.True(function["runtime"] is "dotnet10" && function["tracingConfig.mode"] is "Active" && function["vpcConfig"] is not null && function["publish"] is true, function.Key));
    }

    [Fact]
    public async Task Each_function_has_its_name_and_the_common_handler()
    {
        foreach (var function in (await stacks.GetAsync("prod")).OfType(Function))
        {
            Assert.Equal(function.Name["functions-".Length..], function["environment.variables.CONTROLPLANE_FUNCTION"]);
            Assert.Equal("ControlPlane.Lambda", function["handler"]);
        }
    }

    [Fact]
    public async Task Ingestion_and_authorizations_have_a_reserved_concurrency_each()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.All((string[])["functions-usage", "functions-authorize"], function => Assert.Equal(
            100, Convert.ToInt32(deployed.Get(Function, function)["reservedConcurrentExecutions"], null)));
        Assert.Null(deployed.Get(Function, "functions-api")["reservedConcurrentExecutions"]);
    }

    [Fact]
    public async Task Interactive_functions_avoid_cold_starts_by_SnapStart_or_provisioned_concurrency()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Equal(["functions-api", "functions-authorize", "functions-usage"], deployed.OfType(Function).Where(function => function["snapStart.applyOn"] is "PublishedVersions").Select(function => function.Name));
        Assert.Empty(deployed.OfType("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"));
        var provisioned = await stacks.GetAsync("prod, one region");
        Assert.DoesNotContain(provisioned.OfType(Function), function => function["snapStart"] is not null);
        Assert.Equal(3, provisioned.OfType("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig").Count());
        Assert.All(provisioned.OfType(Function), function => Assert.Equal("controlplane/0.2.0/functions.zip", function["s3Key"]));
    }

    [Fact]
    public async Task Failed_asynchronous_invocations_are_retried_and_dead_lettered()
    {
        var deployed = await stacks.GetAsync("prod");
        var calls = deployed.OfType("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").ToList();
        Assert.Equal(["functions-jobs", "functions-provision"], calls.Select(call => call.Name));
        Assert.All(calls, call => Assert.NotNull(call["destinationConfig.onFailure.destination"]));
        Assert.All(deployed.OfType("aws:scheduler/schedule:Schedule"), schedule => Assert.Equal("ENABLED", schedule["state"]));
    }

    [Fact]
    public async Task Each_queue_of_mail_webhooks_and_alerts_is_drained_every_minute_by_a_schedule_of_its_own()
    {
        var schedules = (await stacks.GetAsync("prod")).OfType("aws:scheduler/schedule:Schedule").ToDictionary(schedule => (string)schedule["name"]!);
        Assert.All((string[])["mail", "webhooks", "alerts"], name =>
        {
            Assert.Equal(("cron(* * * * ? *)", "OFF"), (schedules[name]["scheduleExpression"], schedules[name]["flexibleTimeWindow.mode"]));
            Assert.Equal(name, schedules[name].Json("target.input").GetProperty("job").GetString());
        });
    }

    [Fact]
    public async Task The_visibility_timeout_of_a_queue_is_six_times_the_timeout_of_its_function()
    {
        var deployed = await stacks.GetAsync("prod");
        foreach (var source in deployed.OfType("aws:lambda/eventSourceMapping:EventSourceMapping"))
        {
            var queue = deployed.OfType("aws:sqs/queue:Queue").Single(queue => source.DependsOn.Contains(queue.Key));
            var alias = deployed.OfType("aws:lambda/alias:Alias").Single(alias => source.DependsOn.Contains(alias.Key));
            Assert.Equal(6 * Convert.ToInt32(deployed.Get(Function, alias.Name)["timeout"], null), Convert.ToInt32(queue["visibilityTimeoutSeconds"], null));
            Assert.Equal(["ReportBatchItemFailures"], source.Texts("functionResponseTypes"));
        }
    }

    // The complete list except logs, traces and network interfaces. The calls are in docs/decisions/0014, and in SecretsManagerStore for secret:tenant-….
    [Theory]
    [InlineData("api", """
        kms:Decrypt keys-secrets
        rds-db:connect as controlplane_api
        secretsmanager:DescribeSecret secret:tenant-*-secrets-*
        secretsmanager:GetSecretValue secret:tenant-*-secrets-*
        secretsmanager:GetSecretValue secrets-origin
        secretsmanager:GetSecretValue secrets-platform
        sqs:SendMessage queues-provision
        """)]
    [InlineData("usage", """
        kms:Decrypt keys-secrets
        rds-db:connect as controlplane_usage
        secretsmanager:GetSecretValue secrets-origin
        secretsmanager:GetSecretValue secrets-platform
        sqs:DeleteMessage queues-overflow
        sqs:GetQueueAttributes queues-overflow
        sqs:ReceiveMessage queues-overflow
        sqs:SendMessage queues-overflow
        """)]
    [InlineData("authorize", """
        kms:Decrypt keys-secrets
        rds-db:connect as controlplane_authorize
        secretsmanager:GetSecretValue secrets-origin
        secretsmanager:GetSecretValue secrets-platform
        """)]
    [InlineData("jobs", """
        kms:Decrypt keys-secrets
        rds-db:connect as controlplane_jobs
        secretsmanager:GetSecretValue mail
        secretsmanager:GetSecretValue secrets-platform
        sqs:SendMessage queues-failed-dead-letters
        sqs:SendMessage queues-provision
        """)]
    [InlineData("provision", """
        eks:DescribeCluster cluster
        elasticfilesystem:CreateAccessPoint model-files
        elasticfilesystem:DeleteAccessPoint access-point/*
        elasticfilesystem:DescribeAccessPoints access-point/*
        elasticfilesystem:DescribeAccessPoints model-files
        elasticfilesystem:TagResource access-point/*
        kms:Decrypt keys-secrets
        kms:Encrypt second-region
        kms:GenerateDataKey keys-secrets
        kms:GenerateDataKey second-region
        rds-db:connect as controlplane_provision
        secretsmanager:CreateSecret secret:tenant-*-secrets-*
        secretsmanager:DeleteSecret secret:tenant-*-secrets-*
        secretsmanager:DescribeSecret secret:tenant-*-secrets-*
        secretsmanager:GetSecretValue secret:tenant-*-secrets-*
        secretsmanager:GetSecretValue secrets-cache
        secretsmanager:GetSecretValue secrets-platform
        secretsmanager:PutSecretValue secret:tenant-*-secrets-*
        secretsmanager:RemoveRegionsFromReplication secret:tenant-*-secrets-*
        secretsmanager:ReplicateSecretToRegions secret:tenant-*-secrets-*
        secretsmanager:RestoreSecret secret:tenant-*-secrets-*
        secretsmanager:TagResource secret:tenant-*-secrets-*
        secretsmanager:UpdateSecretVersionStage secret:tenant-*-secrets-*
        sqs:DeleteMessage queues-provision
        sqs:GetQueueAttributes queues-provision
        sqs:ReceiveMessage queues-provision
        sqs:SendMessage queues-failed-dead-letters
        sqs:SendMessage queues-provision
        """)]
    [InlineData("database", """
        kms:Decrypt keys-secrets
        kms:GenerateDataKey keys-secrets
        secretsmanager:DescribeSecret secrets-database-owner
        secretsmanager:GetSecretValue secrets-database-owner
        secretsmanager:PutSecretValue secrets-database-owner
        secretsmanager:UpdateSecretVersionStage secrets-database-owner
        """)]
    public async Task A_function_has_only_the_permissions_it_needs(string function, string permissions)
    {
        var policy = (await stacks.GetAsync("prod")).Get("aws:iam/rolePolicy:RolePolicy", $"functions-{function}");
        var actual = from statement in policy.Statements()
                     where !statement.Denies()
                     from action in statement.Actions()
                     where action.Split(':')[0] is not ("logs" or "xray" or "ec2")
                     from arn in statement.ResourceArns()
                     select $"{action} {Short(arn)}";
        Assert.Equal(permissions, string.Join('\n', actual.Distinct().Order(StringComparer.Ordinal)), ignoreLineEndingDifferences: true);
    }

    // The name of a resource of the stack, a database user, or the part of the ARN after region and account.
    static string Short(string arn) => arn.Contains(":rds-db:", StringComparison.Ordinal) ? $"as {arn.Split('/')[^1]}"
        : Regex.Match(arn, @"^\[\[\S+ (\S+) \S+\]\]$") is { Success: true } match ? match.Groups[1].Value : arn.Split(':', 6)[^1];

    [Fact]
    public async Task Only_provisioning_can_create_tenant_secrets_and_use_files_and_the_cluster()
    {
        var deployed = await stacks.GetAsync("prod");
        foreach (var policy in deployed.OfType("aws:iam/rolePolicy:RolePolicy").Where(policy => policy.Name.StartsWith("functions-", StringComparison.Ordinal) && policy.Name != "functions-provision"))
        {
            Assert.DoesNotContain(policy.Statements().SelectMany(statement => statement.Actions()), action =>
                action.StartsWith("eks:", StringComparison.Ordinal) || action.StartsWith("elasticfilesystem:", StringComparison.Ordinal) || action == "secretsmanager:CreateSecret");
        }

        var entry = deployed.OfType("aws:eks/accessEntry:AccessEntry").Single(entry => entry.DependsOn.Contains("aws:lambda/function:Function functions-provision") || entry.DependsOn.Contains("aws:iam/role:Role functions-provision"));
        Assert.Equal(["controlplane:provisioners"], entry.Texts("kubernetesGroups"));
    }

    [Theory]
    [InlineData("prod", "us-west-2")]
    [InlineData("prod, one region", null)]
    public async Task Provisioning_manages_tenant_secrets_and_replicas_of_its_own_stack_only(string stack, string? replicaRegion)
    {
        var deployed = await stacks.GetAsync(stack);
        var statements = deployed.Get("aws:iam/rolePolicy:RolePolicy", "functions-provision").Statements()
            .Where(statement => statement.ResourceArns().Any(arn => arn.Contains("secret:tenant-", StringComparison.Ordinal))).ToList();
        // The calls of SecretsManagerStore.
        string[] calls =
        [
            "CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "RemoveRegionsFromReplication", "RestoreSecret", "TagResource", "UpdateSecretVersionStage",
            .. replicaRegion is null ? Array.Empty<string>() : ["ReplicateSecretToRegions"],
        ];
        Assert.Equal(calls.Select(call => $"secretsmanager:{call}").Order(StringComparer.Ordinal), statements.SelectMany(statement => statement.Actions()).Order(StringComparer.Ordinal));
        Assert.All(statements, statement => Assert.True(
            statement.TryGetProperty("Condition", out var condition) ? condition.GetRawText().Contains("Tag/Stack\":[\"prod\"]", StringComparison.Ordinal) : statement.Actions().All(action => action.Contains("Get", StringComparison.Ordinal) || action.Contains("Describe", StringComparison.Ordinal)),
            statement.GetRawText()));
        var variables = (IReadOnlyDictionary<string, object?>)deployed.Get(Function, "functions-provision")["environment.variables"]!;
        Assert.Equal(replicaRegion is not null, variables.GetValueOrDefault("CONTROLPLANE_TENANT_SECRETS_COPY") is string replica && replica.Contains($"\"region\":\"{replicaRegion}\"", StringComparison.Ordinal));
        Assert.Contains("\"Stack\":\"prod\"", (string)variables["CONTROLPLANE_TAGS"]!, StringComparison.Ordinal);
        Assert.Equal("""{"path":"/tenants/{tenant_id}","uid":1000,"gid":1000,"permissions":"0750"}""", variables["CONTROLPLANE_TENANT_ACCESS_POINT"]);
    }

    [Fact]
    public async Task A_promoted_standby_can_write_the_secrets_of_its_primary()
    {
        var statements = (await stacks.GetAsync("dr")).Get("aws:iam/rolePolicy:RolePolicy", "functions-provision").Statements();
        var put = statements.Single(statement => statement.Actions().Contains("secretsmanager:PutSecretValue"));
        Assert.Contains("""aws:ResourceTag/Stack":["dr","prod"]""", put.GetProperty("Condition").GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_jobs_function_reads_the_SMTP_password()
    {
        var deployed = await stacks.GetAsync("prod");
        var secret = deployed.Get("aws:secretsmanager/secret:Secret", "mail");
        Assert.Equal(["functions-jobs"], deployed.DependentsOf(secret, "aws:iam/rolePolicy:RolePolicy").Select(policy => policy.Name));
        Assert.Equal(["functions-jobs"], deployed.DependentsOf(secret, Function).Select(function => function.Name));
    }

    [Fact]
    public async Task The_SMTP_secret_has_the_format_of_the_setting_with_escaped_credentials()
    {
        var setting = (await stacks.GetAsync("prod")).Get("aws:secretsmanager/secretVersion:SecretVersion", "mail").Json("secretString").GetProperty("CONTROLPLANE_SMTP").GetString();
        var server = new Uri(setting!);
        Assert.Equal(("smtp", "email-smtp.us-east-1.amazonaws.com", 587), (server.Scheme, server.Host, server.Port));
        Assert.Equal(
            ["[[aws:iam/accessKey:AccessKey mail id]]", "[[aws:iam/accessKey:AccessKey mail sesSmtpPasswordV4]]"], server.UserInfo.Split(':').Select(Uri.UnescapeDataString));
    }

    [Fact]
    public async Task Migrations_run_for_every_new_version_before_it_receives_calls()
    {
        var deployed = await stacks.GetAsync("prod");
        var migration = Assert.Single(deployed.OfType("aws:lambda/invocation:Invocation"));
        Assert.Equal("""{"job":"migrate"}""", migration["input"]);
        Assert.NotNull(migration["triggers.version"]);
        foreach (var alias in deployed.OfType("aws:lambda/alias:Alias"))
        {
            Assert.Equal(alias.Name != "functions-database", alias.DependsOn.Contains(migration.Key));
        }
    }
}
