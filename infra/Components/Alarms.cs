using System.Globalization;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.CloudWatch.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>What the alarms look at.</summary>
/// <param name="BackupVault">The name; <c>null</c> in a standby, which makes no backups.</param>
public sealed record Watched(
    string ClusterName, GpuNodes GpuNodes, CpuNodes CpuNodes, Database Database, DatabaseAccess DatabaseAccess, Cache Cache, HttpApi HttpApi, Functions Functions,
    IReadOnlyDictionary<string, Pulumi.Aws.Sqs.Queue> DeadLetters, string? BackupVault);

/// <summary>Every alarm of the platform: the planned ones, and those without which a failure would go unseen.</summary>
public sealed class Alarms : ComponentResource
{
    public IReadOnlyList<MetricAlarm> All { get; }

    public Alarms(string name, Plan plan, Watched watched, Alerts alerts, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Alarms", name, options)
    {
        All = [.. Critical(plan, watched).Concat(Warnings(plan, watched)).Select(alarm => Make(name, alarm, alerts))];
        RegisterOutputs();
    }

    static IEnumerable<Alarm> Critical(Plan plan, Watched watched)
    {
        var (gpu, api) = (GpuDimension(watched), ("ApiId", (Input<string>)watched.HttpApi.Api.Id));
        yield return new("gpu-node-failures", Severity.Critical, "GPU nodes that should be there are not: premium models wait.", "desired - running", 0,
            new("desired", "AWS/AutoScaling", "GroupDesiredCapacity", "Minimum", gpu), new("running", "AWS/AutoScaling", "GroupInServiceInstances", "Maximum", gpu))
        { Periods = (3, 3) };
        yield return new("model-loading-failures", Severity.Critical, "A model does not load: its chats fail.", "failures", 0,
            new Measure("failures", ClusterLogs.Namespace, ClusterLogs.ModelLoadFailures, "Sum"));
        yield return watched.DatabaseAccess.Proxy is { } proxy
            ? new("database-connectivity", Severity.Critical, "The functions cannot reach the database: sign-up, usage and portal are down.", "available", 99,
                new Measure("available", "AWS/RDS", "AvailabilityPercentage", "Average", ("ProxyName", proxy.Name), ("TargetGroup", "default"), ("TargetRole", "READ_WRITE")))
            { Below = true, MissingIsBad = true, PeriodSeconds = 60, Periods = (2, 3) }
            : new("database-connectivity", Severity.Critical, "The replica does not report: a fail-over would find no database.", "connections", 0,
                new Measure("connections", "AWS/RDS", "DatabaseConnections", "Average", DatabaseDimension(watched)))
            { Below = true, MissingIsBad = true, PeriodSeconds = 60, Periods = (3, 5) };
        yield return new("api-error-rate", Severity.Critical, "More than 5 % of the calls of the portal and the API fail.", "IF(calls > 20, 100 * errors / calls, 0)",
            plan.Observability.ErrorPercent, new("errors", "AWS/ApiGateway", "5xx", "Sum", api), new("calls", "AWS/ApiGateway", "Count", "Sum", api));
        yield return new("environment-error-rate", Severity.Critical, "More than 5 % of the requests to environments fail.", "IF(calls > 20, 100 * errors / calls, 0)",
            plan.Observability.ErrorPercent, new("errors", ClusterLogs.Namespace, ClusterLogs.Errors, "Sum"), new("calls", ClusterLogs.Namespace, ClusterLogs.Requests, "Sum"));
        foreach (var (queue, letters) in watched.DeadLetters)
        {
            yield return new($"dead-letters-{queue}", Severity.Critical, "Something could not be processed and waits for an operator.", "letters", 0,
                new Measure("letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", ("QueueName", letters.Name)));
        }

        yield return new("usage-throttled", Severity.Critical, "Ingestion is at its reserved concurrency: gateways have to repeat.", "throttles", 0,
            new Measure("throttles", "AWS/Lambda", "Throttles", "Sum", ("FunctionName", watched.Functions.Usage.Function.Name)))
        { Periods = (2, 3) };
        if (watched.BackupVault is { } vault)
        {
            // AWS Backup announces failed copies, but no longer failed backups: its event for them is one of the past.
            (string, Input<string>) inVault = ("BackupVaultName", vault);
            yield return new("backup-failures", Severity.Critical, "A backup of database, files or models was not made.", "SUM([failed, aborted, expired])", 0,
                new("failed", "AWS/Backup", "NumberOfBackupJobsFailed", "Sum", inVault), new("aborted", "AWS/Backup", "NumberOfBackupJobsAborted", "Sum", inVault),
                new("expired", "AWS/Backup", "NumberOfBackupJobsExpired", "Sum", inVault));
        }

        if (plan.Waits)
        {
            yield return new("replica-lag", Severity.Critical, "The replica is further behind than the recovery point allows.", "lag", plan.Observability.ReplicaLagSeconds,
                new Measure("lag", "AWS/RDS", "ReplicaLag", "Average", DatabaseDimension(watched)))
            { MissingIsBad = true, PeriodSeconds = 60, Periods = (5, 5) };
        }
    }

    static IEnumerable<Alarm> Warnings(Plan plan, Watched watched)
    {
        var limit = plan.Observability.UtilizationPercent;
        var (cluster, database, gpu, cpu) = (("ClusterName", (Input<string>)watched.ClusterName), DatabaseDimension(watched), GpuDimension(watched),
            ("AutoScalingGroupName", (Input<string>)watched.CpuNodes.Group.Resources.Apply(resources => resources[0].AutoscalingGroups[0].Name!)));
        yield return Utilization("node-cpu", "CPU of the nodes", "ContainerInsights", "node_cpu_utilization", cluster);
        yield return Utilization("node-memory", "Memory of the nodes", "ContainerInsights", "node_memory_utilization", cluster);
        yield return Utilization("gpu", "The GPUs", "ContainerInsights", "node_gpu_utilization", cluster);
        yield return Utilization("database-cpu", "CPU of the database", "AWS/RDS", "CPUUtilization", database);
        yield return OfTheCache("cache-cpu", "CPU of the cache", "EngineCPUUtilization");
        yield return OfTheCache("cache-memory", "Memory of the cache", "DatabaseMemoryUsagePercentage");
        yield return new("database-storage", Severity.Warning, "Less than a fifth of the database's storage is free, and it has stopped growing.", "free / 1073741824",
            (100 - limit) / 100 * plan.Data.DatabaseGib, new Measure("free", "AWS/RDS", "FreeStorageSpace", "Minimum", database))
        { Below = true, Periods = (6, 6) };
        yield return new("database-function", Severity.Warning, "The database's owner has no new password, or a migration failed.", "errors", 0,
            new Measure("errors", "AWS/Lambda", "Errors", "Sum", ("FunctionName", watched.Functions.Database.Function.Name)));
        yield return new("slow-inference", Severity.Warning, "One chat in twenty takes longer than 30 seconds.", "duration / 1000000000", plan.Observability.SlowInferenceSeconds,
            new Measure("duration", ClusterLogs.Namespace, ClusterLogs.InferenceNanoseconds, "p95"))
        { Periods = (2, 3) };
        yield return new("scaling-gpu", Severity.Warning, "The number of GPU nodes changed.", "ABS(DIFF(nodes))", 0, new Measure("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", gpu));
        yield return new("scaling-cpu", Severity.Warning, "The number of CPU nodes changed.", "ABS(DIFF(nodes))", 0, new Measure("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", cpu));
        yield return new("near-most-gpu-nodes", Severity.Warning, "The GPU group is near its largest size.", "nodes", limit / 100 * plan.Cluster.Gpu.Max,
            new Measure("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", gpu));
        yield return new("near-most-cpu-nodes", Severity.Warning, "The CPU group is near its largest size.", "nodes", limit / 100 * plan.Cluster.Cpu.Max,
            new Measure("nodes", "AWS/AutoScaling", "GroupDesiredCapacity", "Maximum", cpu));

        Alarm Utilization(string what, string title, string metricNamespace, string metric, (string, Input<string>) of) =>
            new($"{what}-utilization", Severity.Warning, $"{title} is used more than {limit} %.", "used", limit, new Measure("used", metricNamespace, metric, "Average", of)) { Periods = (3, 3) };

        // ElastiCache reports for each node and never for the group: the fullest counts.
        Alarm OfTheCache(string what, string title, string metric)
        {
            var nodes = watched.Cache.Nodes.Select((node, i) => new Measure(string.Create(CultureInfo.InvariantCulture, $"node{i + 1}"), "AWS/ElastiCache", metric, "Average", ("CacheClusterId", node))).ToArray();
            return new($"{what}-utilization", Severity.Warning, $"{title} is used more than {limit} %.", $"MAX([{string.Join(", ", nodes.Select(node => node.Id))}])", limit, nodes) { Periods = (3, 3) };
        }
    }

    MetricAlarm Make(string name, Alarm alarm, Alerts alerts)
    {
        var topic = alarm.Severity == Severity.Critical ? alerts.Critical.Arn : alerts.Warning.Arn;
        return new MetricAlarm($"{name}-{alarm.Name}", new MetricAlarmArgs
        {
            AlarmDescription = $"{alarm.Severity}: {alarm.Says}",
            ComparisonOperator = alarm.Below ? "LessThanThreshold" : "GreaterThanThreshold",
            Threshold = alarm.Above,
            EvaluationPeriods = alarm.Periods.Of,
            DatapointsToAlarm = alarm.Periods.Bad,
            TreatMissingData = alarm.MissingIsBad ? "breaching" : "notBreaching",
            MetricQueries =
            [
                new MetricAlarmMetricQueryArgs { Id = "result", Expression = alarm.Expression, Label = alarm.Name, ReturnData = true },
                .. alarm.Of.Select(metric => metric.Query(alarm.PeriodSeconds)),
            ],
            AlarmActions = { topic },
            OkActions = { topic },
        }, new CustomResourceOptions { Parent = this });
    }

    static (string, Input<string>) GpuDimension(Watched watched) => ("AutoScalingGroupName", watched.GpuNodes.Group.Name);

    static (string, Input<string>) DatabaseDimension(Watched watched) => ("DBInstanceIdentifier", watched.Database.Instance.Identifier);
}
