namespace ControlPlane.Provisioning;

/// <summary>The space of a disk that environments or the control plane fill.</summary>
/// <param name="Name">Whose disk it is: <see cref="OwnDisk"/> or <see cref="EnvironmentDisk"/>. They may be the same one.</param>
public sealed record DiskSpace(string Name, long FreeBytes, long TotalBytes)
{
    public const string OwnDisk = "control plane", EnvironmentDisk = "environments";

    /// <summary>For the operator.</summary>
    internal string Describe(EnvironmentLimits limits) =>
        $"The disk of the {Name} has {EnvironmentStorage.Gib(FreeBytes)} of free space, less than the reserve of {EnvironmentStorage.Gib(limits.DiskReserve)} "
        + $"(CONTROLPLANE_DISK_RESERVE): no environments are created{(Name == EnvironmentDisk ? ", and those that store more than their plan includes are stopped" : "")}. "
        + "Free some space, or use a larger disk.";

    internal static Task RecordAsync(Transaction transaction, DiskSpace disk, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync(Upsert, ct, disk.Name, disk.FreeBytes, disk.TotalBytes, now);

    /// <summary>Deletes what was measured of disks that there are no longer.</summary>
    internal static Task DeleteOthersAsync(Transaction transaction, IEnumerable<string> names, CancellationToken ct) =>
        transaction.ExecuteAsync("delete from control.disk_space where name <> all($1)", ct, names.ToArray());

    /// <summary>The disks that had less free space than the reserve when they were measured last, however long ago: a disk that cannot be read may be full.</summary>
    internal static Task<List<DiskSpace>> FindLowAsync(Transaction transaction, EnvironmentLimits limits, CancellationToken ct) =>
        transaction.QueryAsync(Low, row => new DiskSpace(row.GetString(0), row.GetInt64(1), row.GetInt64(2)), ct, limits.DiskReserve);

    const string Upsert = """
        insert into control.disk_space (name, free_bytes, total_bytes, measured_at) values ($1, $2, $3, $4)
        on conflict (name) do update set free_bytes = $2, total_bytes = $3, measured_at = $4
        """;

    const string Low = "select name, free_bytes, total_bytes from control.disk_space where free_bytes < $1 order by name";
}
