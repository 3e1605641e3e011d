using System.Globalization;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.CloudWatch.Inputs;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>
/// Log groups of the add-on amazon-cloudwatch-observability, encrypted and with the platform's retention, and metric filters on them: model load
/// failures, and latency and errors of the ingress.
/// </summary>
public sealed class ClusterLogs : ComponentResource
{
    public const string Namespace = "ControlPlane/Environments";
    public const string ModelLoadFailures = "ModelLoadFailures";
    public const string InferenceNanoseconds = "InferenceNanoseconds";
    public const string Requests = "Requests";
    public const string Errors = "Errors";

    // Log messages of Ollama.
    const string LoadFailurePattern = "?\"error loading model\" ?\"failed to load model\" ?\"llama runner process has terminated\"";

    // The ingress controller writes JSON, which the add-on keeps under log_processed; durations are nanoseconds.
    const string ChatPattern = "{ ($.log_processed.RequestPath = \"*/chat/completions*\") && ($.log_processed.Duration > 0) }";
    const string RequestPattern = "{ $.log_processed.DownstreamStatus > 0 }";
    const string ErrorPattern = "{ $.log_processed.DownstreamStatus >= 500 }";

    public ClusterLogs(string name, string clusterName, ObservabilityPlan plan, Keys keys, ComponentResourceOptions? options = null)
        : base("controlplane:observability:ClusterLogs", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var groups = ((string[])["application", "dataplane", "host", "performance"]).ToDictionary(kind => kind, kind => new LogGroup($"{name}-{kind}", new LogGroupArgs
        {
            Name = $"/aws/containerinsights/{clusterName}/{kind}",
            RetentionInDays = plan.LogDays,
            KmsKeyId = keys.Logs.Arn,
        }, childOptions));
        AddMetricFilter("model-load-failures", ModelLoadFailures, LoadFailurePattern, "1", defaultValue: 0);
        AddMetricFilter("inference", InferenceNanoseconds, ChatPattern, "$.log_processed.Duration", defaultValue: null);
        AddMetricFilter("requests", Requests, RequestPattern, "1", defaultValue: 0);
        AddMetricFilter("errors", Errors, ErrorPattern, "1", defaultValue: 0);
        RegisterOutputs();

        void AddMetricFilter(string label, string metric, string pattern, string value, double? defaultValue)
        {
            var transformation = new LogMetricFilterMetricTransformationArgs { Namespace = Namespace, Name = metric, Value = value };
            if (defaultValue is { } number)
            {
                transformation.DefaultValue = number.ToString(CultureInfo.InvariantCulture);
            }

            _ = new LogMetricFilter($"{name}-{label}", new LogMetricFilterArgs { LogGroupName = groups["application"].Name, Pattern = pattern, MetricTransformation = transformation }, childOptions);
        }
    }
}
