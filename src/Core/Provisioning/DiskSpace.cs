namespace ControlPlane.Provisioning;

/// <summary>The space of a disk that environments or the control plane fill.</summary>
/// <param name="Name">Whose disk it is: <see cref="OwnDisk"/> or <see cref="EnvironmentDisk"/>. They may be the same one.</param>
public sealed record DiskSpace(string Name, long FreeBytes, long TotalBytes)
{
    public const string OwnDisk = "control plane", EnvironmentDisk = "environments";

    /// <summary>An older measurement says nothing about the present.</summary>
    static readonly TimeSpan MaximumAge = TimeSpan.FromHours(1);

    public bool IsLow(EnvironmentLimits limits) => FreeBytes < limits.DiskReserve;

    /// <summary>For the operator.</summary>
    internal string Describe(EnvironmentLimits limits) =>
        $"The disk of the {Name} has {EnvironmentStorage.Gib(FreeBytes)} of free space, less than the reserve of {EnvironmentStorage.Gib(limits.DiskReserve)} "
        + "(CONTROLPLANE_DISK_RESERVE): no environments are created, and those that store more than their plan includes are stopped. Free some space, or use a larger disk.";

    internal static async Task RecordAsync(Transaction transaction, IEnumerable<DiskSpace> disks, DateTimeOffset now, CancellationToken ct)
    {
        foreach (var disk in disks)
        {
            await transaction.ExecuteAsync(Upsert, ct, disk.Name, disk.FreeBytes, disk.TotalBytes, now);
        }
    }

    /// <summary>The disks that had less free space than the reserve when they were measured last.</summary>
    internal static Task<List<DiskSpace>> FindLowAsync(Transaction transaction, EnvironmentLimits limits, DateTimeOffset now, CancellationToken ct) =>
        transaction.QueryAsync(
            Low, row => new DiskSpace(row.GetString(0), row.GetInt64(1), row.GetInt64(2)), ct, limits.DiskReserve, now - MaximumAge);

    const string Upsert = """
        insert into control.disk_space (name, free_bytes, total_bytes, measured_at) values ($1, $2, $3, $4)
        on conflict (name) do update set free_bytes = $2, total_bytes = $3, measured_at = $4
        """;

    const string Low = "select name, free_bytes, total_bytes from control.disk_space where free_bytes < $1 and measured_at > $2 order by name";
}
