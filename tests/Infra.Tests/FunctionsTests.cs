using ControlPlane.Operations;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class FunctionsTests(Stacks stacks)
{
    const string Function = "aws:lambda/function:Function";

    [Fact]
    public async Task Every_function_runs_on_arm_in_the_VPC_with_a_role_and_a_log_of_its_own()
    {
        var functions = (await stacks.GetAsync("prod")).Of(Function).ToList();
        Assert.Equal(["functions-api", "functions-database", "functions-jobs", "functions-provision", "functions-usage"], functions.Select(function => function.Name));
        Assert.All(functions, function => Assert.True(function.Texts("architectures").Single() == "arm64" && function["runtime"] is "dotnet10" && function["tracingConfig.mode"] is "Active"));
        Assert.All(functions, function => Assert.NotNull(function["vpcConfig"]));
        Assert.Equal(functions.Count, functions.Select(function => function["role"]).Distinct().Count());
        Assert.Equal(functions.Count, functions.Select(function => function["loggingConfig.logGroup"]).Distinct().Count());
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
        Assert.Equal("controlplane/0.1.0/api.zip", provisioned.One(Function, "functions-api")["s3Key"]);
    }

    [Fact]
    public async Task Every_job_has_a_schedule_with_retries_and_dead_letters()
    {
        var world = await stacks.GetAsync("prod");
        var schedules = world.Of("aws:scheduler/schedule:Schedule").ToDictionary(schedule => (string)schedule["name"]!);
        Assert.Equal(JobSchedules.All.Select(job => job.Name).Order(StringComparer.Ordinal), schedules.Keys.Order(StringComparer.Ordinal));
        Assert.All(JobSchedules.All, job =>
        {
            var schedule = schedules[job.Name];
            Assert.Equal(AwsCron.From(job.Cron), schedule["scheduleExpression"]);
            Assert.Equal("UTC", schedule["scheduleExpressionTimezone"]);
            Assert.Equal("ENABLED", schedule["state"]);
            Assert.Equal(job.Name, schedule.Json("target.input").GetProperty("job").GetString());
            Assert.NotNull(schedule["target.retryPolicy.maximumRetryAttempts"]);
            Assert.NotNull(schedule["target.deadLetterConfig.arn"]);
        });
        // The scheduler only hands over: what fails afterwards has a place of its own too.
        Assert.All(world.Of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"), calls => Assert.NotNull(calls["destinationConfig.onFailure.destination"]));
        Assert.Equal(2, world.Of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").Count());
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

    [Fact]
    public async Task Migrations_run_with_every_new_version()
    {
        var migrate = Assert.Single((await stacks.GetAsync("prod")).Of("aws:lambda/invocation:Invocation"));
        Assert.Equal("""{"job":"migrate"}""", migrate["input"]);
        Assert.NotNull(migrate["triggers.version"]);
    }
}
