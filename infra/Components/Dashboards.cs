using System.Text.Json;
using Pulumi;
using Pulumi.Aws.CloudWatch;

namespace ControlPlane.Infra.Components;

/// <summary>One page to look at first: every alarm, then traffic, data and nodes.</summary>
public sealed class Dashboards : ComponentResource
{
    public Dashboard Overview { get; }

    public Dashboards(string name, Watched watched, Alarms alarms, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Dashboards", name, options)
    {
        var functions = Output.All(((ControlFunction[])[watched.Functions.Api, watched.Functions.Usage, watched.Functions.Jobs, watched.Functions.Provision]).Select(function => function.Function.Name));
        var body = Output.Tuple(
            Output.All(alarms.All.Select(alarm => alarm.Arn)), watched.HttpApi.Api.Id, functions, watched.Database.Instance.Identifier, Output.All(watched.Cache.Nodes), watched.GpuNodes.Group.Name)
            .Apply(known =>
            {
                var (alarmArns, api, names, database, cache, gpu) = known;
                return JsonSerializer.Serialize(new
                {
                    widgets = new object[]
                    {
                        new { type = "alarm", x = 0, y = 0, width = 24, height = 4, properties = new { title = "Alarms", alarms = alarmArns } },
                        Graph(0, 4, "Calls and errors", ["AWS/ApiGateway", "Count", "ApiId", api], ["AWS/ApiGateway", "4xx", "ApiId", api], ["AWS/ApiGateway", "5xx", "ApiId", api]),
                        Graph(12, 4, "Answer time (ms)", ["AWS/ApiGateway", "Latency", "ApiId", api]),
                        Graph(0, 10, "Functions at work", [.. names.Select(function => new object[] { "AWS/Lambda", "ConcurrentExecutions", "FunctionName", function })]),
                        Graph(12, 10, "Errors of functions", [.. names.Select(function => new object[] { "AWS/Lambda", "Errors", "FunctionName", function })]),
                        Graph(0, 16, "Database", ["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", database], ["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", database]),
                        Graph(12, 16, "Cache (%)", [.. cache.Select(node => new object[] { "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node })]),
                        Graph(0, 22, "GPU nodes", ["AWS/AutoScaling", "GroupDesiredCapacity", "AutoScalingGroupName", gpu], ["AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", gpu]),
                        Graph(12, 22, "Inference (ns)", [ClusterLogs.Namespace, ClusterLogs.InferenceNanoseconds]),
                    },
                });
            });
        Overview = new Dashboard(name, new DashboardArgs { DashboardName = stack.Named("overview"), DashboardBody = body }, new CustomResourceOptions { Parent = this });
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
