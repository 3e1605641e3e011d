namespace ControlPlane.Infra.Cost;

/// <summary>What a number of users, working at the same time, means to the platform. Assumptions, not measurements: put your own here.</summary>
/// <param name="Users">At work at the same time.</param>
public sealed record Workload(int Users)
{
    /// <summary>On one node of 8 vCPU, models of the standard tier.</summary>
    public int UsersPerCpuNode { get; init; } = 20;

    public decimal PremiumShare { get; init; } = 0.20m;

    /// <summary>On one GPU; they wait for each other's answers, not for each other's reading.</summary>
    public int PremiumUsersPerGpu { get; init; } = 5;

    /// <summary>GPU nodes are gone at night and on weekends: hours of a month in which they run.</summary>
    public decimal GpuHours { get; init; } = 365;

    public decimal ChatsPerUser { get; init; } = 6_000;

    /// <summary>Authorize and usage for each chat, and some pages.</summary>
    public decimal CallsPerChat { get; init; } = 2.1m;

    public decimal OutGbPerUser { get; init; } = 5;
    public decimal LogGbPerUser { get; init; } = 0.5m;

    /// <summary>The shared models, and what tenants bring; a third of it is in use.</summary>
    public decimal FilesGb => 500 + Users;

    public decimal FilesInUse { get; init; } = 0.33m;

    /// <summary>A database and a cache of the plan's class carry so many; above, they have to be larger.</summary>
    public int UsersPerDatabaseClass { get; init; } = 1_000;

    public int DatabaseFactor => Math.Max(1, (Users + UsersPerDatabaseClass - 1) / UsersPerDatabaseClass);
    public decimal Calls => Users * ChatsPerUser * CallsPerChat;
    public int GpuNodes => (int)Math.Ceiling(Users * PremiumShare / PremiumUsersPerGpu);
}

/// <summary>How nodes are bought, as shares that add up to one.</summary>
public sealed record Purchase(string Name, decimal CpuReserved, decimal CpuSpot, decimal GpuReserved, decimal GpuSpot)
{
    /// <summary>CPU nodes on demand; of the GPU nodes, what the plan says.</summary>
    public static Purchase AsBuilt(Plan plan) => new("as built", 0, 0, 0, 1 - plan.Cluster.Gpu.OnDemandPercent / 100m);

    /// <summary>The mix the platform was planned with: 30 % reserved for the base load, 70 % spot for the rest.</summary>
    public static readonly Purchase Planned = new("30 % reserved, 70 % spot", 0.30m, 0.70m, 0.30m, 0.70m);

    public decimal CpuShare => Share(CpuReserved, CpuSpot, Prices.CpuSpotShare);
    public decimal GpuShare => Share(GpuReserved, GpuSpot, Prices.GpuSpotShare);

    static decimal Share(decimal reserved, decimal spot, decimal spotShare) => reserved * Prices.ReservedShare + spot * spotShare + (1 - reserved - spot);
}
