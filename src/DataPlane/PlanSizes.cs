namespace ControlPlane.DataPlane;

/// <param name="Cpus">Maximum number of cores.</param>
/// <param name="MemoryMiB">Memory limit; a container that exceeds it is killed and restarted.</param>
/// <param name="Pids">Maximum number of processes and threads.</param>
public sealed record Size(decimal Cpus, int MemoryMiB, int Pids);

/// <summary>Resource limits of an environment's containers, by plan.</summary>
public sealed record PlanSizes(Size OpenWebui, Size Litellm, Size Redis, Size Database)
{
    public static Size Qdrant { get; } = new(1, 1024, 256);

    /// <summary>An egress proxy that stores nothing uses 30 MB.</summary>
    public static Size Egress { get; } = new(0.25m, 96, 32);

    /// <summary>A download of models writes what it reads.</summary>
    public static Size Weights { get; } = new(1, 1024, 256);

    /// <summary>Custom plans get the sizes of basic.</summary>
    public static PlanSizes For(string plan) => plan switch
    {
        "trial" => new(new(1, 1536, 256), new(1, 1024, 256), new(0.25m, 96, 64), new(0.5m, 256, 128)),
        "premium" => new(new(2, 4096, 512), new(2, 2048, 512), new(0.5m, 256, 64), new(1, 512, 128)),
        "enterprise" => new(new(4, 8192, 1024), new(4, 4096, 1024), new(1, 512, 64), new(2, 1024, 128)),
        _ => new(new(1, 2048, 256), new(1, 1024, 256), new(0.25m, 128, 64), new(0.5m, 384, 128)),
    };
}
