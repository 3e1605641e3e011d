namespace ControlPlane.Infra.Plans;

/// <summary>Database, files, objects, cache, secrets and their backups.</summary>
public sealed record DataPlan
{
    public static DataPlan Read(Settings settings) => new();
}
