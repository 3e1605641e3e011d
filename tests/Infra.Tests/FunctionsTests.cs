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
        Assert.All(functions, function => Assert.True(function["runtime"] is "dotnet10" && function["tracingConfig.mode"] is "Active" && function["vpcConfig"] is not null, function.Key));
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
