using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class FunctionsTests(Stacks stacks)
{
    const string Function = "aws:lambda/function:Function";

    [Fact]
    public async Task There_is_a_function_for_every_part_in_the_VPC_and_traced()
    {
        var functions = (await stacks.GetAsync("prod")).Of(Function).ToList();
        Assert.Equal(["functions-api", "functions-database", "functions-jobs", "functions-provision", "functions-usage"], functions.Select(function => function.Name));
        Assert.All(functions, function => Assert.True(function["runtime"] is "dotnet10" && function["tracingConfig.mode"] is "Active" && function["vpcConfig"] is not null && function["publish"] is true, function.Key));
    }

    [Fact]
    public async Task Each_function_is_told_which_one_it_is()
    {
        foreach (var function in (await stacks.GetAsync("prod")).Of(Function))
        {
            Assert.Equal(function.Name["functions-".Length..], function["environment.variables.CONTROLPLANE_FUNCTION"]);
            Assert.Equal("ControlPlane.Aws", function["handler"]);
        }
    }

    [Fact]
    public async Task Ingestion_has_concurrency_of_its_own()
    {
        var world = await stacks.GetAsync("prod");
        Assert.Equal(100, Convert.ToInt32(world.One(Function, "functions-usage")["reservedConcurrentExecutions"], null));
        Assert.Null(world.One(Function, "functions-api")["reservedConcurrentExecutions"]);
    }

    [Fact]
    public async Task What_people_wait_for_starts_warm_by_snapshot_or_by_instances_that_are_there()
    {
        var world = await stacks.GetAsync("prod");
        Assert.Equal(["functions-api", "functions-usage"], world.Of(Function).Where(function => function["snapStart.applyOn"] is "PublishedVersions").Select(function => function.Name));
        Assert.Empty(world.Of("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"));
        var provisioned = await stacks.GetAsync("prod, one region");
        Assert.DoesNotContain(provisioned.Of(Function), function => function["snapStart"] is not null);
        Assert.Equal(2, provisioned.Of("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig").Count());
        Assert.All(provisioned.Of(Function), function => Assert.Equal("controlplane/0.1.0/functions.zip", function["s3Key"]));
    }

    [Fact]
    public async Task What_a_schedule_hands_over_and_then_fails_is_tried_again_and_set_aside()
    {
        var world = await stacks.GetAsync("prod");
        var calls = world.Of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").ToList();
        Assert.Equal(["functions-jobs", "functions-provision"], calls.Select(call => call.Name));
        Assert.All(calls, call => Assert.NotNull(call["destinationConfig.onFailure.destination"]));
        Assert.All(world.Of("aws:scheduler/schedule:Schedule"), schedule => Assert.Equal("ENABLED", schedule["state"]));
    }

    [Fact]
    public async Task A_message_is_hidden_six_times_as_long_as_its_function_may_take()
    {
        var world = await stacks.GetAsync("prod");
        foreach (var source in world.Of("aws:lambda/eventSourceMapping:EventSourceMapping"))
        {
            var queue = world.Of("aws:sqs/queue:Queue").Single(queue => source.DependsOn.Contains(queue.Key));
            var alias = world.Of("aws:lambda/alias:Alias").Single(alias => source.DependsOn.Contains(alias.Key));
            Assert.Equal(6 * Convert.ToInt32(world.One(Function, alias.Name)["timeout"], null), Convert.ToInt32(queue["visibilityTimeoutSeconds"], null));
            Assert.Equal(["ReportBatchItemFailures"], source.Texts("functionResponseTypes"));
        }
    }

    // All of it, beyond log, traces and network interfaces. What the code calls: docs/decisions/0014, and SecretsManagerStore for secret:tenant-….
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
    public async Task A_function_may_do_what_it_does_and_nothing_else(string function, string rights)
    {
        var policy = (await stacks.GetAsync("prod")).One("aws:iam/rolePolicy:RolePolicy", $"functions-{function}");
        var found = from statement in policy.Statements().Select(found => found.Statement)
                    where !statement.Denies()
                    from action in statement.Actions()
                    where action.Split(':')[0] is not ("logs" or "xray" or "ec2")
                    from arn in statement.ResourceArns()
                    select $"{action} {Short(arn)}";
        Assert.Equal(rights, string.Join('\n', found.Distinct().Order(StringComparer.Ordinal)), ignoreLineEndingDifferences: true);
    }

    // The name of a resource of the stack, the user of a database, or what stands behind account and region.
    static string Short(string arn) => arn.Contains(":rds-db:", StringComparison.Ordinal) ? $"as {arn.Split('/')[^1]}"
        : Regex.Match(arn, @"^\[\[\S+ (\S+) \S+\]\]$") is { Success: true } ours ? ours.Groups[1].Value : arn.Split(':', 6)[^1];

    [Fact]
    public async Task Only_provisioning_touches_tenants_secrets_files_and_the_cluster()
    {
        var world = await stacks.GetAsync("prod");
        foreach (var policy in world.Of("aws:iam/rolePolicy:RolePolicy").Where(policy => policy.Name.StartsWith("functions-", StringComparison.Ordinal) && policy.Name != "functions-provision"))
        {
            Assert.DoesNotContain(policy.Statements().SelectMany(found => found.Statement.Actions()), action =>
                action.StartsWith("eks:", StringComparison.Ordinal) || action.StartsWith("elasticfilesystem:", StringComparison.Ordinal) || action == "secretsmanager:CreateSecret");
        }

        var entry = world.Of("aws:eks/accessEntry:AccessEntry").Single(entry => entry.DependsOn.Contains("aws:lambda/function:Function functions-provision") || entry.DependsOn.Contains("aws:iam/role:Role functions-provision"));
        Assert.Equal(["controlplane:provisioners"], entry.Texts("kubernetesGroups"));
    }

    [Theory]
    [InlineData("prod", "us-west-2")]
    [InlineData("prod, one region", null)]
    public async Task Provisioning_keeps_tenants_secrets_of_its_own_stack_and_their_copies(string stack, string? copies)
    {
        var world = await stacks.GetAsync(stack);
        var statements = world.One("aws:iam/rolePolicy:RolePolicy", "functions-provision").Statements().Select(found => found.Statement)
            .Where(statement => statement.ResourceArns().Any(arn => arn.Contains("secret:tenant-", StringComparison.Ordinal))).ToList();
        // What SecretsManagerStore calls, and nothing else.
        string[] calls =
        [
            "CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "RemoveRegionsFromReplication", "RestoreSecret", "TagResource", "UpdateSecretVersionStage",
            .. copies is null ? Array.Empty<string>() : ["ReplicateSecretToRegions"],
        ];
        Assert.Equal(calls.Select(call => $"secretsmanager:{call}").Order(StringComparer.Ordinal), statements.SelectMany(statement => statement.Actions()).Order(StringComparer.Ordinal));
        Assert.All(statements, statement => Assert.True(
            statement.TryGetProperty("Condition", out var condition) ? condition.GetRawText().Contains("Tag/Stack\":[\"prod\"]", StringComparison.Ordinal) : statement.Actions().All(action => action.Contains("Get", StringComparison.Ordinal) || action.Contains("Describe", StringComparison.Ordinal)),
            statement.GetRawText()));
        var variables = (IReadOnlyDictionary<string, object?>)world.One(Function, "functions-provision")["environment.variables"]!;
        Assert.Equal(copies is not null, variables.GetValueOrDefault("CONTROLPLANE_TENANT_SECRETS_COPY") is string copy && copy.Contains($"\"region\":\"{copies}\"", StringComparison.Ordinal));
        Assert.Contains("\"Stack\":\"prod\"", (string)variables["CONTROLPLANE_TAGS"]!, StringComparison.Ordinal);
        Assert.Equal("""{"path":"/tenants/{slug}","uid":1000,"gid":1000,"permissions":"0750"}""", variables["CONTROLPLANE_TENANT_ACCESS_POINT"]);
    }

    [Fact]
    public async Task A_standby_that_took_over_goes_on_with_its_primarys_secrets()
    {
        var statements = (await stacks.GetAsync("dr")).One("aws:iam/rolePolicy:RolePolicy", "functions-provision").Statements().Select(found => found.Statement);
        var put = statements.Single(statement => statement.Actions().Contains("secretsmanager:PutSecretValue"));
        Assert.Contains("""aws:ResourceTag/Stack":["dr","prod"]""", put.GetProperty("Condition").GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_jobs_read_the_password_that_mail_is_sent_with()
    {
        var world = await stacks.GetAsync("prod");
        var password = world.One("aws:secretsmanager/secret:Secret", "mail");
        Assert.Equal(["functions-jobs"], world.About(password, "aws:iam/rolePolicy:RolePolicy").Select(policy => policy.Name));
        Assert.Equal(["functions-jobs"], world.About(password, Function).Select(function => function.Name));
    }

    [Fact]
    public async Task The_password_is_in_the_form_of_the_hosts_setting_whatever_letters_it_has()
    {
        var setting = (await stacks.GetAsync("prod")).One("aws:secretsmanager/secretVersion:SecretVersion", "mail").Json("secretString").GetProperty("CONTROLPLANE_SMTP").GetString();
        var server = new Uri(setting!);
        Assert.Equal(("smtp", "email-smtp.us-east-1.amazonaws.com", 587), (server.Scheme, server.Host, server.Port));
        Assert.Equal(
            ["[[aws:iam/accessKey:AccessKey mail id]]", "[[aws:iam/accessKey:AccessKey mail sesSmtpPasswordV4]]"], server.UserInfo.Split(':').Select(Uri.UnescapeDataString));
    }

    [Fact]
    public async Task Migrations_run_with_every_new_version_before_anybody_calls_it()
    {
        var world = await stacks.GetAsync("prod");
        var migrate = Assert.Single(world.Of("aws:lambda/invocation:Invocation"));
        Assert.Equal("""{"job":"migrate"}""", migrate["input"]);
        Assert.NotNull(migrate["triggers.version"]);
        foreach (var alias in world.Of("aws:lambda/alias:Alias"))
        {
            Assert.Equal(alias.Name != "functions-database", alias.DependsOn.Contains(migrate.Key));
        }
    }
}
