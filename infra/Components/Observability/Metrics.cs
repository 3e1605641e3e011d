using Pulumi.Aws.Amp;
using Pulumi.Aws.Amp.Inputs;
using Pulumi.Aws.CloudWatch;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>
/// Amazon Managed Service for Prometheus for the cluster's metrics, and the roles that use it: the OpenTelemetry collector (ADOT) writes metrics there
/// and traces to X-Ray; Grafana, in the cluster, reads both.
/// </summary>
public sealed class Metrics : ComponentResource
{
    const string Monitoring = "monitoring";

    public Workspace Workspace { get; }

    public Metrics(string name, ObservabilityPlan plan, EksCluster cluster, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Metrics", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var log = new LogGroup(name, new LogGroupArgs { Name = $"/aws/vendedlogs/prometheus/{stack.PhysicalName(name)}", RetentionInDays = plan.LogDays, KmsKeyId = keys.Logs.Arn }, childOptions);
        Workspace = new Workspace(name, new WorkspaceArgs
        {
            Alias = stack.PhysicalName(name),
            KmsKeyArn = keys.Data.Arn,
            LoggingConfiguration = new WorkspaceLoggingConfigurationArgs { LogGroupArn = Output.Format($"{log.Arn}:*") },
        }, childOptions);
        var roles = new ComponentResourceOptions { Parent = this };
        _ = new PodRole($"{name}-collector", "Writes metrics to Prometheus and traces to X-Ray", cluster, Monitoring, "otel-collector",
        [
            new Statement(["aps:RemoteWrite"], Workspace.Arn),
            // X-Ray does not support resource-level permissions.
            new Statement(["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*"),
        ], roles);
        _ = new PodRole($"{name}-grafana", "Reads metrics", cluster, Monitoring, "grafana",
        [
            new Statement(["aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"], Workspace.Arn),
            // CloudWatch and X-Ray do not support resource-level permissions for reading.
            new Statement(["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "xray:BatchGetTraces", "xray:GetTraceSummaries"], "*"),
        ], roles);
        RegisterOutputs();
    }
}
