using System.Globalization;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.CloudWatch.Inputs;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>The components that alarms and dashboards monitor.</summary>
/// <param name="DeadLetters">Dead-letter queues by the name that their alarms use.</param>
/// <param name="BackupVault">Name of the vault; <c>null</c> in a standby, which has no backups.</param>
public sealed record MonitoredComponents(
    string ClusterName, GpuNodes GpuNodes, CpuNodes CpuNodes, PostgresDatabase Database, DatabaseAccess DatabaseAccess, Cache Cache, HttpApi HttpApi, Functions Functions,
    IReadOnlyDictionary<string, Pulumi.Aws.Sqs.Queue> DeadLetters, string? BackupVault);

/// <summary>All alarms of the platform.</summary>
public sealed class Alarms : ComponentResource
{
    public IReadOnlyList<MetricAlarm> All { get; }

    public Alarms(string name, Plan plan, MonitoredComponents monitored, Alerts alerts, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Alarms", name, options)
    {
        All = [.. Critical(plan, monitored).Concat(Warnings(plan, monitored)).Select(alarm => CreateAlarm(name, alarm, alerts))];
        RegisterOutputs();
    }

    static IEnumerable<Alarm> Critical(Plan plan, MonitoredComponents monitored)
    {
        var (gpu, api) = (GpuDimension(monitored), ("ApiId", (Input<string>)monitored.HttpApi.Api.Id));
        yield return new("gpu-node-failures", Severity.Critical, "GPU nodes are missing: premium models are waiting for capacity.", "desired - running", 0,
            new("desired", "AWS/AutoScaling", "GroupDesiredCapacity", "Minimum", gpu), new("running", "AWS/AutoScaling", "GroupInServiceInstances", "Maximum", gpu))
        { Periods = (3, 3) };
        yield return new("model-loading-failures", Severity.Critical, "A model fails to load: chats with it fail.", "failures", 0,
            new AlarmMetric("failures", ClusterLogs.Namespace, ClusterLogs.ModelLoadFailures, "Sum"));
        yield return monitored.DatabaseAccess.Proxy is { } proxy
            ? new("database-connectivity", Severity.Critical, "The functions cannot reach the database: sign-up, usage and portal are down.", "available", 99,
                new AlarmMetric("available", "AWS/RDS", "AvailabilityPercentage", "Average", ("ProxyName", proxy.Name), ("TargetGroup", "default"), ("TargetRole", "READ_WRITE")))
            { FiresBelow = true, MissingDataBreaches = true, PeriodSeconds = 60, Periods = (2, 3) }
            : new("database-connectivity", Severity.Critical, "The replica reports no metrics: a failover would have no database.", "connections", 0,
                new AlarmMetric("connections", "AWS/RDS", "DatabaseConnections", "Average", DatabaseDimension(monitored)))
            { FiresBelow = true, MissingDataBreaches = true, PeriodSeconds = 60, Periods = (3, 5) };
        yield return new("api-error-rate", Severity.Critical, "More than 5 % of requests to the portal and the API fail.", "IF(calls > 20, 100 * errors / calls, 0)",
            plan.Observability.ErrorPercent, new("errors", "AWS/ApiGateway", "5xx", "Sum", api), new("calls", "AWS/ApiGateway", "Count", "Sum", api));
        yield return new("environment-error-rate", Severity.Critical, "More than 5 % of requests to environments fail.", "IF(calls > 20, 100 * errors / calls, 0)",
            plan.Observability.ErrorPercent, new("errors", ClusterLogs.Namespace, ClusterLogs.Errors, "Sum"), new("calls", ClusterLogs.Namespace, ClusterLogs.Requests, "Sum"));
        foreach (var (queue, letters) in monitored.DeadLetters)
        {
            yield return new($"dead-letters-{queue}", Severity.Critical, "Messages could not be processed and need an operator.", "letters", 0,
                new AlarmMetric("letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", ("QueueName", letters.Name)));
        }

        yield return new("usage-throttled", Severity.Critical, "Ingestion has reached its reserved concurrency: gateways have to retry.", "throttles", 0,
            new AlarmMetric("throttles", "AWS/Lambda", "Throttles", "Sum", ("FunctionName", monitored.Functions.Usage.Function.Name)))
        { Periods = (2, 3) };
        yield return new("authorize-throttled", Severity.Critical, "Authorization has reached its reserved concurrency: calls are refused.", "throttles", 0,
            new AlarmMetric("throttles", "AWS/Lambda", "Throttles", "Sum", ("FunctionName", monitored.Functions.Authorize.Function.Name)))
        { Periods = (2, 3) };
        if (monitored.BackupVault is { } vault)
        {
            // AWS Backup no longer publishes an event for failed backups, only for failed copies.
            (string, Input<string>) inVault = ("BackupVaultName", vault);
            yield return new("backup-failures", Severity.Critical, "A backup of database, files or models failed.", "SUM([failed, aborted, expired])", 0,
                new("failed", "AWS/Backup", "NumberOfBackupJobsFailed", "Sum", inVault), new("aborted", "AWS/Backup", "NumberOfBackupJobsAborted", "Sum", inVault),
                new("expired", "AWS/Backup", "NumberOfBackupJobsExpired", "Sum", inVault));
        }

        if (plan.IsPassive)
        {
            yield return new("replica-lag", Severity.Critical, "The replica lags further behind than the recovery point objective allows.", "lag", plan.Observability.ReplicaLagSeconds,
                new AlarmMetric("lag", "AWS/RDS", "ReplicaLag", "Average", DatabaseDimension(monitored)))
            { MissingDataBreaches = true, PeriodSeconds = 60, Periods = (5, 5) };
        }
    }

    static IEnumerable<Alarm> Warnings(Plan plan, MonitoredComponents monitored)
    {
        var limit = plan.Observability.UtilizationPercent;
        var (cluster, database, gpu, cpu) = (("ClusterName", (Input<string>)monitored.ClusterName), DatabaseDimension(monitored), GpuDimension(monitored),
            ("AutoScalingGroupName", (Input<string>)monitored.CpuNodes.Group.Resources.Apply(resources => resources[0].AutoscalingGroups[0].Name!)));
        yield return Utilization("node-cpu", "CPU of the nodes", "ContainerInsights", "node_cpu_utilization", cluster);
        yield return Utilization("node-memory", "Memory of the nodes", "ContainerInsights", "node_memory_utilization", cluster);
        yield return Utilization("gpu", "GPUs", "ContainerInsights", "node_gpu_utilization", cluster);
        yield return Utilization("database-cpu", "CPU of the database", "AWS/RDS", "CPUUtilization", database);
        yield return CacheUtilization("cache-cpu", "CPU of the cache", "EngineCPUUtilization");
        yield return CacheUtilization("cache-memory", "Memory of the cache", "DatabaseMemoryUsagePercentage");
        yield return new("database-storage", Severity.Warning, "Less than a fifth of the database's storage is free, and storage autoscaling is not adding any.", "free / 1073741824",
            (100 - limit) / 100 * plan.Data.DatabaseGib, new AlarmMetric("free", "AWS/RDS", "FreeStorageSpace", "Minimum", database))
        { FiresBelow = true, Periods = (6, 6) };
        yield return new("database-function", Severity.Warning, "The rotation of the database owner's password or a migration failed.", "errors", 0,
            new AlarmMetric("errors", "AWS/Lambda", "Errors", "Sum", ("FunctionName", monitored.Functions.Database.Function.Name)));
        yield return new("slow-inference", Severity.Warning, "One chat in twenty takes longer than 30 seconds.", "duration / 1000000000", plan.Observability.SlowInferenceSeconds,
            new AlarmMetric("duration", ClusterLogs.Namespace, ClusterLogs.InferenceNanoseconds, "p95"))
        { Periods = (2, 3) };
        yield return new("scaling-gpu", Severity.Warning, "The number of GPU nodes changed.", "ABS(DIFF(nodes))", 0, new AlarmMetric("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", gpu));
        yield return new("scaling-cpu", Severity.Warning, "The number of CPU nodes changed.", "ABS(DIFF(nodes))", 0, new AlarmMetric("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", cpu));
        yield return new("near-most-gpu-nodes", Severity.Warning, "The GPU group is close to its maximum size.", "nodes", limit / 100 * plan.Cluster.Gpu.Max,
            new AlarmMetric("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", gpu));
        yield return new("near-most-cpu-nodes", Severity.Warning, "The CPU group is close to its maximum size.", "nodes", limit / 100 * plan.Cluster.Cpu.Max,
            new AlarmMetric("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", cpu));

        Alarm Utilization(string label, string resource, string metricNamespace, string metric, (string, Input<string>) dimension) =>
            new($"{label}-utilization", Severity.Warning, $"{resource}: utilization above {limit} %.", "used", limit, new AlarmMetric("used", metricNamespace, metric, "Average", dimension)) { Periods = (3, 3) };

        // ElastiCache has no metrics of a replication group, so the alarm uses the maximum of its nodes.
        Alarm CacheUtilization(string label, string resource, string metric)
        {
            var nodes = monitored.Cache.Nodes.Select((node, i) => new AlarmMetric(string.Create(CultureInfo.InvariantCulture, $"node{i + 1}"), "AWS/ElastiCache", metric, "Average", ("CacheClusterId", node))).ToArray();
            return new($"{label}-utilization", Severity.Warning, $"{resource}: utilization above {limit} %.", $"MAX([{string.Join(", ", nodes.Select(node => node.Id))}])", limit, nodes) { Periods = (3, 3) };
        }
    }

    MetricAlarm CreateAlarm(string name, Alarm alarm, Alerts alerts)
    {
        var topic = alarm.Severity == Severity.Critical ? alerts.Critical.Arn : alerts.Warning.Arn;
        return new MetricAlarm($"{name}-{alarm.Name}", new MetricAlarmArgs
        {
            AlarmDescription = $"{alarm.Severity}: {alarm.Description}",
            ComparisonOperator = alarm.FiresBelow ? "LessThanThreshold" : "GreaterThanThreshold",
            Threshold = alarm.Threshold,
            EvaluationPeriods = alarm.Periods.Evaluated,
            DatapointsToAlarm = alarm.Periods.Breaching,
            TreatMissingData = alarm.MissingDataBreaches ? "breaching" : "notBreaching",
            MetricQueries =
            [
                new MetricAlarmMetricQueryArgs { Id = "result", Expression = alarm.Expression, Label = alarm.Name, ReturnData = true },
                .. alarm.Metrics.Select(metric => metric.ToQuery(alarm.PeriodSeconds)),
            ],
            AlarmActions = { topic },
            OkActions = { topic },
        }, new CustomResourceOptions { Parent = this });
    }

    static (string, Input<string>) GpuDimension(MonitoredComponents monitored) => ("AutoScalingGroupName", monitored.GpuNodes.Group.Name);

    static (string, Input<string>) DatabaseDimension(MonitoredComponents monitored) => ("DBInstanceIdentifier", monitored.Database.Instance.Identifier);
}
