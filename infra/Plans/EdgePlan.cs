namespace ControlPlane.Infra.Plans;

/// <summary>Names, certificates, load balancer and content delivery.</summary>
public sealed record EdgePlan
{
    public static EdgePlan Read(Settings settings) => new();
}
