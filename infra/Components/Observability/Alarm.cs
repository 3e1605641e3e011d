using Pulumi.Aws.CloudWatch.Inputs;

namespace ControlPlane.Infra.Components.Observability;

public enum Severity
{
    /// <summary>Requires immediate action.</summary>
    Critical,

    /// <summary>Can wait until the next working day.</summary>
    Warning,
}

/// <summary>A CloudWatch metric that an alarm's expression refers to by <paramref name="Id"/>.</summary>
/// <param name="Stat">Average, Sum, Maximum, p95.</param>
public sealed record AlarmMetric(string Id, string Namespace, string Name, string Stat, params (string Name, Input<string> Value)[] Dimensions)
{
    internal MetricAlarmMetricQueryArgs ToQuery(int period) => new()
    {
        Id = Id,
        ReturnData = false,
        Metric = new MetricAlarmMetricQueryMetricArgs { Namespace = Namespace, MetricName = Name, Stat = Stat, Period = period, Dimensions = DimensionMap() },
    };

    InputMap<string> DimensionMap()
    {
        var map = new InputMap<string>();
        foreach (var (name, value) in Dimensions)
        {
            map.Add(name, value);
        }

        return map;
    }
}

/// <summary>The definition of a CloudWatch alarm.</summary>
/// <param name="Name">As in docs/operations.md, which has the response to it.</param>
/// <param name="Description">One sentence: the effect on users.</param>
/// <param name="Expression">Metric math over the ids of <paramref name="Metrics"/>.</param>
/// <param name="Threshold">The alarm fires above it, or below it if <see cref="FiresBelow"/> is set.</param>
public sealed record Alarm(string Name, Severity Severity, string Description, string Expression, double Threshold, params AlarmMetric[] Metrics)
{
    public bool FiresBelow { get; init; }
    public int PeriodSeconds { get; init; } = 300;

    /// <summary>The alarm fires when this many of the last evaluated periods breach the threshold.</summary>
    public (int Breaching, int Evaluated) Periods { get; init; } = (1, 1);

    /// <summary>Missing data counts as a breach.</summary>
    public bool MissingDataBreaches { get; init; }
}
