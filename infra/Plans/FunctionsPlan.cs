namespace ControlPlane.Infra.Plans;

/// <summary>The control plane's functions, their HTTP interface, queues and schedules.</summary>
public sealed record FunctionsPlan
{
    public static FunctionsPlan Read(Settings settings) => new();
}
