namespace ControlPlane.Infra.Plans;

/// <summary>Alarms, dashboards, metrics, traces, audit and the budget.</summary>
public sealed record ObservabilityPlan
{
    public static ObservabilityPlan Read(Settings settings) => new();
}
