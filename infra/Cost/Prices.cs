namespace ControlPlane.Infra.Cost;

/// <summary>
/// AWS prices in us-east-1 in USD, without tax. They are approximate: list prices as published by AWS and by price guides that cite it
/// (aws.amazon.com/…/pricing, June 2026), and average spot prices. Other regions are up to 20 % more expensive.
/// </summary>
public static class Prices
{
    public const string AsOf = "June 2026, us-east-1";
    public const decimal HoursPerMonth = 730;

    /// <summary>Per hour, on demand, Linux; databases are PostgreSQL in one zone.</summary>
    public static readonly IReadOnlyDictionary<string, decimal> PerHour = new Dictionary<string, decimal>
    {
        ["c5.2xlarge"] = 0.34m,
        ["c5.4xlarge"] = 0.68m,
        ["c5.9xlarge"] = 1.53m,
        ["m7i.2xlarge"] = 0.4032m,
        ["g4dn.xlarge"] = 0.526m,
        ["g4dn.2xlarge"] = 0.752m,
        ["g5.2xlarge"] = 1.212m,
        ["g6.2xlarge"] = 0.9776m,
        ["g6e.xlarge"] = 1.861m,
        ["db.m7g.large"] = 0.168m,
        ["db.m7g.xlarge"] = 0.337m,
        ["db.m7g.2xlarge"] = 0.674m,
        ["cache.t4g.medium"] = 0.065m,
        ["cache.m7g.large"] = 0.158m,
        ["cache.r7g.large"] = 0.219m,
    };

    /// <summary>vCPUs of node and database types.</summary>
    public static readonly IReadOnlyDictionary<string, int> Cpus = new Dictionary<string, int>
    {
        ["c5.2xlarge"] = 8,
        ["c5.4xlarge"] = 16,
        ["c5.9xlarge"] = 36,
        ["db.m7g.large"] = 2,
        ["db.m7g.xlarge"] = 4,
        ["db.m7g.2xlarge"] = 8,
    };

    // Fractions of the on-demand price.
    public const decimal ReservedShare = 0.63m; // One year, no upfront payment.
    public const decimal CpuSpotShare = 0.53m;
    public const decimal GpuSpotShare = 0.45m;

    public const decimal EksClusterHour = 0.10m;
    public const decimal NatHour = 0.045m, NatGb = 0.045m;
    public const decimal EndpointHour = 0.01m;
    public const decimal PublicAddressHour = 0.005m;
    public const decimal LoadBalancerHour = 0.0225m, LoadBalancerUnitHour = 0.006m;
    public const decimal ProxyCpuHour = 0.015m;
    public const decimal BlockGbMonth = 0.08m, SnapshotGbMonth = 0.05m;
    public const decimal DatabaseGbMonth = 0.115m, DatabaseBackupGbMonth = 0.095m;
    public const decimal FilesGbMonth = 0.30m, FilesColdGbMonth = 0.025m, FilesReadGb = 0.03m;
    public const decimal ObjectsGbMonth = 0.023m, ObjectsColdGbMonth = 0.0125m;
    public const decimal ToInternetGb = 0.09m, ToOtherRegionGb = 0.02m;
    public const decimal FunctionGbSecond = 0.0000133334m, FunctionMillion = 0.20m;
    public const decimal HttpApiMillion = 1.00m, DeliveryMillion = 1.00m, FirewallMillion = 0.60m;
    public const decimal FirewallMonth = 5m, FirewallRuleMonth = 1m;
    public const decimal LogGb = 0.50m, MetricsMillionSamples = 0.09m, AlarmMonth = 0.10m, DashboardMonth = 3m;
    public const decimal KeyMonth = 1m, SecretMonth = 0.40m, ZoneMonth = 0.50m, HealthCheckMonth = 1.50m;
}
