namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class ObservabilityTests(Stacks stacks)
{
    // Word for word, the alerts that the platform was planned with.
    [Theory]
    [InlineData("critical", "gpu-node-failures")]
    [InlineData("critical", "model-loading-failures")]
    [InlineData("critical", "database-connectivity")]
    [InlineData("critical", "api-error-rate")]
    [InlineData("critical", "environment-error-rate")]
    [InlineData("warning", "node-cpu-utilization")]
    [InlineData("warning", "node-memory-utilization")]
    [InlineData("warning", "gpu-utilization")]
    [InlineData("warning", "database-cpu-utilization")]
    [InlineData("warning", "cache-memory-utilization")]
    [InlineData("warning", "slow-inference")]
    [InlineData("warning", "scaling-gpu")]
    [InlineData("warning", "scaling-cpu")]
    public async Task Every_planned_alert_is_an_alarm(string severity, string name)
    {
        foreach (var stack in (string[])["prod", "dr"])
        {
            var alarm = (await stacks.GetAsync(stack)).One("aws:cloudwatch/metricAlarm:MetricAlarm", $"alarms-{name}");
            Assert.Contains($"aws:sns/topic:Topic alerts-{severity}", alarm.DependsOn);
        }
    }

    [Theory]
    [InlineData("api-error-rate", 5)]
    [InlineData("environment-error-rate", 5)]
    [InlineData("node-cpu-utilization", 80)]
    [InlineData("slow-inference", 30)]
    public async Task Thresholds_are_the_planned_ones(string name, double threshold) =>
        Assert.Equal(threshold, Convert.ToDouble((await stacks.GetAsync("prod")).One("aws:cloudwatch/metricAlarm:MetricAlarm", $"alarms-{name}")["threshold"], null));

    [Fact]
    public async Task Every_dead_letter_queue_has_an_alarm()
    {
        var world = await stacks.GetAsync("prod");
        Assert.All(world.Of("aws:sqs/queue:Queue").Where(queue => queue.Name.EndsWith("-dead-letters", StringComparison.Ordinal)),
            queue => Assert.Single(world.About(queue, "aws:cloudwatch/metricAlarm:MetricAlarm")));
    }

    // BACKUP_JOB_FAILED is still taken by AWS Backup, and never sent.
    [Fact]
    public async Task A_backup_that_was_not_made_is_an_alarm()
    {
        var world = await stacks.GetAsync("prod");
        var alarm = world.One("aws:cloudwatch/metricAlarm:MetricAlarm", "alarms-backup-failures");
        Assert.Contains("aws:sns/topic:Topic alerts-critical", alarm.DependsOn);
        Assert.All(Enumerable.Range(1, 3), i => Assert.Equal(world.One("aws:backup/vault:Vault", "backups")["name"], alarm[$"metricQueries.{i}.metric.dimensions.BackupVaultName"]));
        Assert.DoesNotContain("BACKUP_JOB_FAILED", world.One("aws:backup/vaultNotifications:VaultNotifications", "backups").Texts("backupVaultEvents"));
    }

    // ElastiCache has no such metric of a group: an alarm on it would stay silent for ever.
    [Theory]
    [InlineData("cache-cpu-utilization")]
    [InlineData("cache-memory-utilization")]
    public async Task The_cache_is_watched_node_by_node(string name)
    {
        var alarm = (await stacks.GetAsync("prod")).One("aws:cloudwatch/metricAlarm:MetricAlarm", $"alarms-{name}");
        Assert.Equal("MAX([node1, node2])", alarm["metricQueries.0.expression"]);
        Assert.All(Enumerable.Range(1, 2), i => Assert.Equal(
            $"[[aws:elasticache/replicationGroup:ReplicationGroup cache member]]-00{i}", alarm[$"metricQueries.{i}.metric.dimensions.CacheClusterId"]));
    }

    // Of the others the caller is told, or a queue for what failed.
    [Fact]
    public async Task A_function_that_nobody_waits_for_does_not_fail_unseen()
    {
        var world = await stacks.GetAsync("prod");
        var alarm = world.One("aws:cloudwatch/metricAlarm:MetricAlarm", "alarms-database-function");
        Assert.Contains("aws:lambda/function:Function functions-database", alarm.DependsOn);
        Assert.Contains("aws:sns/topic:Topic alerts-warning", alarm.DependsOn);
    }

    [Fact]
    public async Task The_runbook_says_what_to_do_about_every_alarm()
    {
        var runbook = File.ReadAllText(Path.Combine(StackFile.Root, "docs/operations.md"));
        var alarms = new[] { await stacks.GetAsync("prod"), await stacks.GetAsync("dr") }.SelectMany(world => world.Of("aws:cloudwatch/metricAlarm:MetricAlarm"));
        Assert.All(alarms, alarm => Assert.Contains($"`{alarm.Name["alarms-".Length..]}`", runbook, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_topic_tells_somebody()
    {
        var world = await stacks.GetAsync("prod");
        Assert.All(world.Of("aws:sns/topic:Topic"), topic => Assert.NotEmpty(world.About(topic, "aws:sns/topicSubscription:TopicSubscription")));
    }

    [Fact]
    public async Task The_audit_trail_sees_every_region_and_cannot_be_changed()
    {
        var world = await stacks.GetAsync("prod");
        var trail = Assert.Single(world.Of("aws:cloudtrail/trail:Trail"));
        Assert.True(trail["isMultiRegionTrail"] is true && trail["enableLogFileValidation"] is true && trail["kmsKeyId"] is not null);
        Assert.True(trail["includeGlobalServiceEvents"] is true && trail["eventSelectors.0.includeManagementEvents"] is true && trail["eventSelectors.0.readWriteType"] is "All");
        var store = world.Of("aws:s3/bucket:Bucket").Single(bucket => trail.DependsOn.Contains(bucket.Key) && bucket["objectLockEnabled"] is true);
        Assert.Equal("GOVERNANCE", Assert.Single(world.About(store, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"))["rule.defaultRetention.mode"]);
    }

    [Fact]
    public async Task The_budget_warns_before_and_when_it_is_exceeded()
    {
        var budget = Assert.Single((await stacks.GetAsync("prod")).Of("aws:budgets/budget:Budget"));
        Assert.Equal("11450", budget["limitAmount"]);
        Assert.Equal(["user:Stack$prod"], budget.Texts("costFilters.0.values"));
        Assert.Equal(2, ((IEnumerable<object?>)budget["notifications"]!).Count());
    }

    [Fact]
    public async Task The_collector_writes_and_grafana_only_reads()
    {
        var world = await stacks.GetAsync("prod");
        Assert.Single(world.Of("aws:amp/workspace:Workspace"));
        Assert.Contains("aps:RemoteWrite", Actions("metrics-collector"));
        Assert.DoesNotContain(Actions("metrics-grafana"), action => action.Contains("Write", StringComparison.Ordinal) || action.Contains("Put", StringComparison.Ordinal));

        IReadOnlyList<string> Actions(string role) => [.. world.One("aws:iam/rolePolicy:RolePolicy", role).Statements().SelectMany(found => found.Statement.Actions())];
    }
}
