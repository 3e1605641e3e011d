using System.Text.Json;
using Pulumi.Aws.CloudWatch;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>An overview dashboard: all alarms, then traffic, data stores and nodes.</summary>
public sealed class Dashboards : ComponentResource
{
    public Dashboard Overview { get; }

    public Dashboards(string name, MonitoredComponents monitored, Alarms alarms, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Dashboards", name, options)
    {
        var functions = Output.All(((ControlFunction[])[monitored.Functions.Api, monitored.Functions.Usage, monitored.Functions.Authorize, monitored.Functions.Jobs, monitored.Functions.Provision]).Select(function => function.Function.Name));
        var body = Output.Tuple(
            Output.All(alarms.All.Select(alarm => alarm.Arn)), monitored.HttpApi.Api.Id, functions, monitored.Database.Instance.Identifier, Output.All(monitored.Cache.Nodes), monitored.GpuNodes.Group.Name)
            .Apply(resolved =>
            {
                var (alarmArns, api, names, database, cache, gpu) = resolved;
                return JsonSerializer.Serialize(new
                {
                    widgets = new object[]
                    {
                        new { type = "alarm", x = 0, y = 0, width = 24, height = 4, properties = new { title = "Alarms", alarms = alarmArns } },
                        Graph(0, 4, "Requests and errors", ["AWS/ApiGateway", "Count", "ApiId", api], ["AWS/ApiGateway", "4xx", "ApiId", api], ["AWS/ApiGateway", "5xx", "ApiId", api]),
                        Graph(12, 4, "Latency (ms)", ["AWS/ApiGateway", "Latency", "ApiId", api]),
                        Graph(0, 10, "Concurrent executions", [.. names.Select(function => new object[] { "AWS/Lambda", "ConcurrentExecutions", "FunctionName", function })]),
                        Graph(12, 10, "Function errors", [.. names.Select(function => new object[] { "AWS/Lambda", "Errors", "FunctionName", function })]),
                        Graph(0, 16, "Database", ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", database], ["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", database]),
                        Graph(12, 16, "Cache (%)", [.. cache.Select(node => new object[] { "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node })]),
                        Graph(0, 22, "GPU nodes", ["AWS/AutoScaling", "GroupDesiredCapacity", "AutoScalingGroupName", gpu], ["AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", gpu]),
                        Graph(12, 22, "Inference (ns)", [ClusterLogs.Namespace, ClusterLogs.InferenceNanoseconds]),
                    },
                });
            });
        Overview = new Dashboard(name, new DashboardArgs { DashboardName = stack.PhysicalName("overview"), DashboardBody = body }, new CustomResourceOptions { Parent = this });
        RegisterOutputs();

        object Graph(int x, int y, string title, params object[][] metrics) => new
        {
            type = "metric",
            x,
            y,
            width = 12,
            height = 6,
            properties = new { title, metrics, region = stack.Region, view = "timeSeries", period = 300 },
        };
    }
}
