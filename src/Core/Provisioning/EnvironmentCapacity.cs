namespace ControlPlane.Provisioning;

/// <param name="Capacity">How many environments there may be: the operator's limit, or what the data plane carries. null: it adds machines as needed, or does not know.</param>
/// <param name="Environments">How many there are, suspended ones included, except those of trials that have ended.</param>
/// <param name="Waiting">Active tenants whose environment is not requested yet, because there was no room.</param>
public sealed record EnvironmentCapacity(int? Capacity, int Environments, int Waiting)
{
    public bool IsExceeded => Environments > Capacity;
}

/// <summary>Compares the environments with the room that there is for them.</summary>
public sealed class ReadEnvironmentCapacity(IDataPlane dataPlane, ControlPlaneOptions options, EnvironmentLimits limits)
{
    // Of the machine, which does not change while this process runs.
    int? _dataPlaneCapacity;

    public async Task<EnvironmentCapacity> RunAsync(Transaction transaction, CancellationToken ct)
    {
        var capacity = limits.Environments ?? await ReadDefaultAsync(ct);
        return (await transaction.FirstAsync(Select, row => new EnvironmentCapacity(capacity, row.GetInt32(0), row.GetInt32(1)), ct))!;
    }

    // Rendered environments use nothing until their operator starts them.
    async Task<int?> ReadDefaultAsync(CancellationToken ct) =>
        options.Sandbox || dataPlane.Ready == IDataPlane.Rendered ? null : _dataPlaneCapacity ??= await dataPlane.ReadCapacityAsync(ct);

    const string Select = $"""
        select (select count(*)::int from control.environment where {EnvironmentTable.UsesPlace}),
               (select count(*)::int from control.tenant t left join control.environment e on e.tenant_id = t.id where {MissingEnvironments.IsMissing})
        """;
}
