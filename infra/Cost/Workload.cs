namespace ControlPlane.Infra.Cost;

/// <summary>The load of a number of concurrent users. These are assumptions, not measurements; replace them with your own.</summary>
/// <param name="Users">Concurrent users.</param>
public sealed record Workload(int Users)
{
    /// <summary>Users of the standard tier on a node with 8 vCPU.</summary>
    public int UsersPerCpuNode { get; init; } = 20;

    public decimal PremiumShare { get; init; } = 0.20m;

    /// <summary>Concurrent premium users per GPU, which they use only while a response is generated.</summary>
    public int PremiumUsersPerGpu { get; init; } = 5;

    /// <summary>Hours per month that GPU nodes run; at night and on weekends there are none.</summary>
    public decimal GpuHours { get; init; } = 365;

    public decimal ChatsPerUser { get; init; } = 6_000;

    /// <summary>Authorize and usage for each chat, and a few page views.</summary>
    public decimal CallsPerChat { get; init; } = 2.1m;

    public decimal OutGbPerUser { get; init; } = 5;
    public decimal LogGbPerUser { get; init; } = 0.5m;

    /// <summary>The shared models and 1 GB per user.</summary>
    public decimal FilesGb => 500 + Users;

    /// <summary>Fraction of the files that is not in infrequent-access storage.</summary>
    public decimal FilesInUse { get; init; } = 0.33m;

    /// <summary>Users that a database and a cache of the plan's classes support.</summary>
    public int UsersPerDatabaseClass { get; init; } = 1_000;

    public int DatabaseFactor => Math.Max(1, (Users + UsersPerDatabaseClass - 1) / UsersPerDatabaseClass);
    public decimal Calls => Users * ChatsPerUser * CallsPerChat;
    public int GpuNodes => (int)Math.Ceiling(Users * PremiumShare / PremiumUsersPerGpu);
}

/// <summary>Purchase options of nodes as fractions; the rest is on demand.</summary>
public sealed record Purchase(string Name, decimal CpuReserved, decimal CpuSpot, decimal GpuReserved, decimal GpuSpot)
{
    /// <summary>CPU nodes on demand, GPU nodes with the plan's on-demand percentage.</summary>
    public static Purchase AsBuilt(Plan plan) => new("as built", 0, 0, 0, 1 - plan.Cluster.Gpu.OnDemandPercent / 100m);

    /// <summary>The mix of the original plan: 30 % reserved for the base load, 70 % spot for the rest.</summary>
    public static readonly Purchase Planned = new("30 % reserved, 70 % spot", 0.30m, 0.70m, 0.30m, 0.70m);

    /// <summary>Average price as a fraction of the on-demand price.</summary>
    public decimal CpuPriceFactor => PriceFactor(CpuReserved, CpuSpot, Prices.CpuSpotShare);

    /// <inheritdoc cref="CpuPriceFactor"/>
    public decimal GpuPriceFactor => PriceFactor(GpuReserved, GpuSpot, Prices.GpuSpotShare);

    static decimal PriceFactor(decimal reserved, decimal spot, decimal spotShare) => reserved * Prices.ReservedShare + spot * spotShare + (1 - reserved - spot);
}
