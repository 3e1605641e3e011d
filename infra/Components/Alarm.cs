using Pulumi;
using Pulumi.Aws.CloudWatch.Inputs;

namespace ControlPlane.Infra.Components;

public enum Severity
{
    /// <summary>Somebody is woken.</summary>
    Critical,

    /// <summary>Somebody reads it in the morning.</summary>
    Warning,
}

/// <summary>One metric of CloudWatch, or several and what is computed of them.</summary>
/// <param name="Stat">Average, Sum, Maximum, p95.</param>
public sealed record Measure(string Id, string Namespace, string Name, string Stat, params (string Name, Input<string> Value)[] Dimensions)
{
    internal MetricAlarmMetricQueryArgs Query(int period) => new()
    {
        Id = Id,
        ReturnData = false,
        Metric = new MetricAlarmMetricQueryMetricArgs { Namespace = Namespace, MetricName = Name, Stat = Stat, Period = period, Dimensions = Map() },
    };

    InputMap<string> Map()
    {
        var map = new InputMap<string>();
        foreach (var (name, value) in Dimensions)
        {
            map.Add(name, value);
        }

        return map;
    }
}

/// <summary>When somebody is told.</summary>
/// <param name="Name">As in docs/operations.md, which says what to do.</param>
/// <param name="Says">One sentence: what it means to users.</param>
/// <param name="Expression">Metric math over the ids of <paramref name="Of"/>.</param>
/// <param name="Above">The alarm sounds above this; with <see cref="Below"/>, below it.</param>
public sealed record Alarm(string Name, Severity Severity, string Says, string Expression, double Above, params Measure[] Of)
{
    public bool Below { get; init; }
    public int PeriodSeconds { get; init; } = 300;

    /// <summary>How many of the last periods have to be bad, and how many are looked at.</summary>
    public (int Bad, int Of) Periods { get; init; } = (1, 1);

    /// <summary>Silence is bad: what should report does not.</summary>
    public bool MissingIsBad { get; init; }
}
