namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class ObservabilityTests(Stacks stacks)
{
    // The alerts of the platform's original plan.
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
            var alarm = (await stacks.GetAsync(stack)).Get("aws:cloudwatch/metricAlarm:MetricAlarm", $"alarms-{name}");
            Assert.Contains($"aws:sns/topic:Topic alerts-{severity}", alarm.DependsOn);
        }
    }

    [Theory]
    [InlineData("api-error-rate", 5)]
    [InlineData("environment-error-rate", 5)]
    [InlineData("node-cpu-utilization", 80)]
    [InlineData("slow-inference", 30)]
    public async Task Thresholds_are_the_planned_ones(string name, double threshold) =>
        Assert.Equal(threshold, Convert.ToDouble((await stacks.GetAsync("prod")).Get("aws:cloudwatch/metricAlarm:MetricAlarm", $"alarms-{name}")["threshold"], null));

    [Fact]
    public async Task Every_dead_letter_queue_has_an_alarm()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.All(deployed.OfType("aws:sqs/queue:Queue").Where(queue => queue.Name.EndsWith("-dead-letters", StringComparison.Ordinal)),
            queue => Assert.Single(deployed.DependentsOf(queue, "aws:cloudwatch/metricAlarm:MetricAlarm")));
    }

    // AWS Backup still accepts BACKUP_JOB_FAILED, but never sends it.
    [Fact]
    public async Task Failed_backups_have_an_alarm()
    {
        var deployed = await stacks.GetAsync("prod");
        var alarm = deployed.Get("aws:cloudwatch/metricAlarm:MetricAlarm", "alarms-backup-failures");
        Assert.Contains("aws:sns/topic:Topic alerts-critical", alarm.DependsOn);
        Assert.All(Enumerable.Range(1, 3), i => Assert.Equal(deployed.Get("aws:backup/vault:Vault", "backups")["name"], alarm[$"metricQueries.{i}.metric.dimensions.BackupVaultName"]));
        Assert.DoesNotContain("BACKUP_JOB_FAILED", deployed.Get("aws:backup/vaultNotifications:VaultNotifications", "backups").Texts("backupVaultEvents"));
    }

    // ElastiCache has no metrics of a replication group: an alarm on one would never fire.
    [Theory]
    [InlineData("cache-cpu-utilization")]
    [InlineData("cache-memory-utilization")]
    public async Task Cache_alarms_use_the_metrics_of_the_nodes(string name)
    {
        var alarm = (await stacks.GetAsync("prod")).Get("aws:cloudwatch/metricAlarm:MetricAlarm", $"alarms-{name}");
        Assert.Equal("MAX([node1, node2])", alarm["metricQueries.0.expression"]);
        Assert.All(Enumerable.Range(1, 2), i => Assert.Equal(
            $"[[aws:elasticache/replicationGroup:ReplicationGroup cache member]]-00{i}", alarm[$"metricQueries.{i}.metric.dimensions.CacheClusterId"]));
    }

    // Failures of the other functions reach their caller or a dead-letter queue.
    [Fact]
    public async Task Failures_of_the_database_function_have_an_alarm()
    {
        var deployed = await stacks.GetAsync("prod");
        var alarm = deployed.Get("aws:cloudwatch/metricAlarm:MetricAlarm", "alarms-database-function");
        Assert.Contains("aws:lambda/function:Function functions-database", alarm.DependsOn);
        Assert.Contains("aws:sns/topic:Topic alerts-warning", alarm.DependsOn);
    }

    [Fact]
    public async Task The_runbook_covers_every_alarm()
    {
        var runbook = File.ReadAllText(Path.Combine(StackFile.Root, "docs/operations.md"));
        var alarms = new[] { await stacks.GetAsync("prod"), await stacks.GetAsync("dr") }.SelectMany(deployed => deployed.OfType("aws:cloudwatch/metricAlarm:MetricAlarm"));
        Assert.All(alarms, alarm => Assert.Contains($"`{alarm.Name["alarms-".Length..]}`", runbook, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_topic_has_a_subscription()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.All(deployed.OfType("aws:sns/topic:Topic"), topic => Assert.NotEmpty(deployed.DependentsOf(topic, "aws:sns/topicSubscription:TopicSubscription")));
    }

    [Fact]
    public async Task The_audit_trail_covers_all_regions_and_is_immutable()
    {
        var deployed = await stacks.GetAsync("prod");
        var trail = Assert.Single(deployed.OfType("aws:cloudtrail/trail:Trail"));
        Assert.True(trail["isMultiRegionTrail"] is true && trail["enableLogFileValidation"] is true && trail["kmsKeyId"] is not null);
        Assert.True(trail["includeGlobalServiceEvents"] is true && trail["eventSelectors.0.includeManagementEvents"] is true && trail["eventSelectors.0.readWriteType"] is "All");
        var store = deployed.OfType("aws:s3/bucket:Bucket").Single(bucket => trail.DependsOn.Contains(bucket.Key) && bucket["objectLockEnabled"] is true);
        Assert.Equal("GOVERNANCE", Assert.Single(deployed.DependentsOf(store, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"))["rule.defaultRetention.mode"]);
    }

    [Fact]
    public async Task The_budget_notifies_at_80_percent_and_when_the_forecast_exceeds_it()
    {
        var budget = Assert.Single((await stacks.GetAsync("prod")).OfType("aws:budgets/budget:Budget"));
        Assert.Equal("11450", budget["limitAmount"]);
        Assert.Equal(["user:Stack$prod"], budget.Texts("costFilters.0.values"));
        Assert.Equal(2, ((IEnumerable<object?>)budget["notifications"]!).Count());
    }

    [Fact]
    public async Task The_collector_writes_and_Grafana_only_reads()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Single(deployed.OfType("aws:amp/workspace:Workspace"));
        Assert.Contains("aps:RemoteWrite", Actions("metrics-collector"));
        Assert.DoesNotContain(Actions("metrics-grafana"), action => action.Contains("Write", StringComparison.Ordinal) || action.Contains("Put", StringComparison.Ordinal));

        IReadOnlyList<string> Actions(string role) => [.. deployed.Get("aws:iam/rolePolicy:RolePolicy", role).Statements().SelectMany(statement => statement.Actions())];
    }
}
