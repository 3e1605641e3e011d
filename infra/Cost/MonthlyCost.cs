namespace ControlPlane.Infra.Cost;

/// <param name="PlannedUsd">The amount in the platform's original plan; <c>null</c>: not in that plan.</param>
/// <param name="Basis">Quantities and assumptions of the amount.</param>
public sealed record CostLine(string Item, decimal? PlannedUsd, decimal Usd, string Basis);

/// <summary>Estimated monthly cost of a stack, calculated from its plan with <see cref="Prices"/> and <see cref="Workload"/>.</summary>
public sealed record MonthlyCost(IReadOnlyList<CostLine> Lines)
{
    public decimal Usd => Lines.Sum(line => line.Usd);

    /// <returns><c>null</c> if the plan contains an instance type without a price.</returns>
    public static MonthlyCost? TryEstimate(Plan plan, Workload load, Purchase purchase)
    {
        string[] types = plan.Topology == Topology.Vps
            ? [plan.Vps.InstanceType]
            : [.. plan.Cluster.Cpu.InstanceTypes, plan.Cluster.Gpu.InstanceTypes[0], plan.Data.DatabaseClass, plan.Data.CacheClass];
        return types.All(Prices.PerHour.ContainsKey) ? new MonthlyCost(plan.Topology == Topology.Vps ? [.. Vps(plan)] : [.. Eks(plan, load, purchase)]) : null;
    }

    static IEnumerable<CostLine> Vps(Plan plan)
    {
        var hasInstance = plan.Vps.Host is null;
        yield return new("Host", null, hasInstance ? Hours(Prices.PerHour[plan.Vps.InstanceType]) : 0, hasInstance ? plan.Vps.InstanceType : "existing host");
        yield return new("Disks and snapshots", null, hasInstance ? (plan.Vps.RootGib + plan.Vps.DataGib) * Prices.BlockGbMonth + plan.Vps.DataGib * Prices.SnapshotGbMonth : 0,
            "root and data volumes, snapshots as large as the data volume in total");
        yield return new("Address and DNS", null, (hasInstance ? Hours(Prices.PublicAddressHour) : 0) + Prices.ZoneMonth, "one public address, one hosted zone");
    }

    static IEnumerable<CostLine> Eks(Plan plan, Workload load, Purchase purchase)
    {
        var (cluster, data, network) = (plan.Cluster, plan.Data, plan.Network);
        var cpu = CpuNodes(plan, load);
        yield return new("EKS cluster", 200, Hours(Prices.EksClusterHour), "one cluster with standard support");
        yield return new("CPU nodes (standard)", 2_000, cpu.Nodes * (Hours(Prices.PerHour[cpu.Type]) * purchase.CpuPriceFactor + cluster.Cpu.DiskGib * Prices.BlockGbMonth),
            $"{cpu.Nodes} × {cpu.Type}{(cpu.Nodes > cluster.Cpu.Max ? $", more than eks:cpuMax {cluster.Cpu.Max}" : "")}");
        yield return new("GPU nodes (premium)", 8_000, load.GpuNodes * load.GpuHours * (Prices.PerHour[cluster.Gpu.InstanceTypes[0]] * purchase.GpuPriceFactor + cluster.Gpu.DiskGib * Prices.BlockGbMonth / Prices.HoursPerMonth),
            $"{load.GpuNodes} × {cluster.Gpu.InstanceTypes[0]} for {load.GpuHours:0} hours{(load.GpuNodes > cluster.Gpu.Max ? $", more than eks:gpuMax {cluster.Gpu.Max}" : "")}");
        yield return new("RDS PostgreSQL", 500,
            2 * load.DatabaseFactor * Hours(Prices.PerHour[data.DatabaseClass]) + 2 * data.DatabaseGib * load.DatabaseFactor * Prices.DatabaseGbMonth
                + load.DatabaseFactor * Prices.Cpus.GetValueOrDefault(data.DatabaseClass, 2) * Hours(Prices.ProxyCpuHour),
            $"{(load.DatabaseFactor > 1 ? $"capacity of {load.DatabaseFactor} × " : "")}{data.DatabaseClass} in two zones, {data.DatabaseGib * load.DatabaseFactor} GiB, proxy");
        yield return new("EFS storage", 300, load.FilesGb * (load.FilesInUse * (Prices.FilesGbMonth + Prices.FilesReadGb * 2) + (1 - load.FilesInUse) * Prices.FilesColdGbMonth),
            $"{load.FilesGb:0} GB, a third of it frequently accessed and read twice");
        yield return new("ElastiCache", 200, data.CacheNodes * load.DatabaseFactor * Hours(Prices.PerHour[data.CacheClass]), $"{data.CacheNodes * load.DatabaseFactor} × {data.CacheClass}");
        yield return new("Load balancers", 150, Hours(Prices.LoadBalancerHour + Math.Max(1, load.Users / 100m) * Prices.LoadBalancerUnitHour) + network.Zones * Hours(Prices.PublicAddressHour), "one, with its public addresses");
        yield return new("Data transfer", 100, Math.Max(0, load.Users * load.OutGbPerUser - 100) * Prices.ToInternetGb, $"{load.Users * load.OutGbPerUser:0} GB to users, of which 100 GB are free");

        var nats = network.NatPerZone ? network.Zones : 1;
        yield return new("NAT and private endpoints", null,
            nats * (Hours(Prices.NatHour) + Hours(Prices.PublicAddressHour)) + load.Users * Prices.NatGb + network.Endpoints.Count * network.Zones * Hours(Prices.EndpointHour),
            $"{nats} NAT gateways, {network.Endpoints.Count} endpoints in {network.Zones} zones");
        yield return new("Functions, API, CloudFront, WAF", null,
            load.Calls / 1_000_000 * (Prices.FunctionMillion + Prices.HttpApiMillion + Prices.DeliveryMillion + Prices.FirewallMillion)
                + load.Calls * 0.05m * plan.Functions.Usage.MemoryMib / 1024 * Prices.FunctionGbSecond + Prices.FirewallMonth + 6 * Prices.FirewallRuleMonth,
            $"{load.Calls / 1_000_000:0.0} million requests of 50 ms");
        yield return new("Logs, metrics, alarms", null, load.Users * load.LogGbPerUser * Prices.LogGb + 50 * Prices.LogGb + cpu.Nodes * 250 * Prices.MetricsMillionSamples + 25 * Prices.AlarmMonth + Prices.DashboardMonth,
            "50 GB plus 0.5 GB per user; 250 million samples per node");
        yield return new("Backups and second region", null, SecondRegion(plan, load), plan.Standby.Region is null ? "backups only" : $"backups, and replicas in {plan.Standby.Region}; without the standby stack");
        var (keys, secrets) = plan.Standby.Region is null ? (6, 6) : (7, 9);
        yield return new("Keys, secrets, DNS", null, keys * Prices.KeyMonth + secrets * Prices.SecretMonth + Prices.ZoneMonth + Prices.HealthCheckMonth,
            $"{keys} keys, {secrets} secrets{(plan.Standby.Region is null ? "" : " with their replicas")}; one more secret per tenant");
    }

    // The smallest type with which the group stays within its maximum size, otherwise the largest.
    static (int Nodes, string Type) CpuNodes(Plan plan, Workload load)
    {
        var group = plan.Cluster.Cpu;
        var cpus = (decimal)load.Users / load.UsersPerCpuNode * 8;
        var sizes = group.InstanceTypes.Select(type => (Nodes: Math.Max(group.Min, (int)Math.Ceiling(cpus / Prices.Cpus[type])), Type: type)).ToList();
        return sizes.FirstOrDefault(size => size.Nodes <= group.Max, sizes[^1]);
    }

    static decimal SecondRegion(Plan plan, Workload load)
    {
        var databaseGb = plan.Data.DatabaseGib * load.DatabaseFactor;
        var backups = databaseGb * Prices.DatabaseBackupGbMonth + load.FilesGb * Prices.SnapshotGbMonth + load.FilesGb * Prices.ObjectsGbMonth;
        return plan.Standby.Region is null
            ? backups
            : 2 * backups + load.FilesGb * (Prices.FilesColdGbMonth + Prices.ObjectsColdGbMonth) + 0.1m * (databaseGb + load.FilesGb) * Prices.ToOtherRegionGb;
    }

    static decimal Hours(decimal perHour) => perHour * Prices.HoursPerMonth;
}
