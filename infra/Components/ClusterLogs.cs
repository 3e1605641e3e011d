using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.CloudWatch.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// The logs that the add-on amazon-cloudwatch-observability ships from the cluster, kept as long as the others and encrypted, and what is counted
/// in them: models that do not load, and how long and how well the ingress answers.
/// </summary>
public sealed class ClusterLogs : ComponentResource
{
    public const string Namespace = "ControlPlane/Environments";
    public const string ModelLoadFailures = "ModelLoadFailures";
    public const string InferenceNanoseconds = "InferenceNanoseconds";
    public const string Requests = "Requests";
    public const string Errors = "Errors";

    // Ollama's own words.
    const string ModelFailed = "?\"error loading model\" ?\"failed to load model\" ?\"llama runner process has terminated\"";

    // The ingress controller writes JSON, which the add-on keeps under log_processed; durations are nanoseconds.
    const string Chats = "{ ($.log_processed.RequestPath = \"*/chat/completions*\") && ($.log_processed.Duration > 0) }";
    const string AllRequests = "{ $.log_processed.DownstreamStatus > 0 }";
    const string ServerErrors = "{ $.log_processed.DownstreamStatus >= 500 }";

    public ClusterLogs(string name, string clusterName, ObservabilityPlan plan, Keys keys, ComponentResourceOptions? options = null)
        : base("controlplane:observability:ClusterLogs", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var groups = ((string[])["application", "dataplane", "host", "performance"]).ToDictionary(kind => kind, kind => new LogGroup($"{name}-{kind}", new LogGroupArgs
        {
            Name = $"/aws/containerinsights/{clusterName}/{kind}",
            RetentionInDays = plan.LogDays,
            KmsKeyId = keys.Logs.Arn,
        }, inside));
        Count("model-load-failures", ModelLoadFailures, ModelFailed, "1", missing: 0);
        Count("inference", InferenceNanoseconds, Chats, "$.log_processed.Duration", missing: null);
        Count("requests", Requests, AllRequests, "1", missing: 0);
        Count("errors", Errors, ServerErrors, "1", missing: 0);
        RegisterOutputs();

        void Count(string what, string metric, string pattern, string value, double? missing)
        {
            var counted = new LogMetricFilterMetricTransformationArgs { Namespace = Namespace, Name = metric, Value = value };
            if (missing is { } number)
            {
                counted.DefaultValue = number.ToString(CultureInfo.InvariantCulture);
            }

            _ = new LogMetricFilter($"{name}-{what}", new LogMetricFilterArgs { LogGroupName = groups["application"].Name, Pattern = pattern, MetricTransformation = counted }, inside);
        }
    }
}
