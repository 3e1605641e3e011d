namespace ControlPlane.Provisioning;

/// <summary>How many environments the connections of the database server carry. Beyond that, environments can be refused a connection while others hold theirs:
/// raise <c>max_connections</c>, or put a pooler between the environments and the server.</summary>
/// <param name="MaxConnections">The server's <c>max_connections</c>.</param>
/// <param name="Reserved">Of these, for superusers and members of <c>pg_use_reserved_connections</c>.</param>
/// <param name="ControlPlane">Of these, for the control plane: see <see cref="ControlPlaneOptions.DatabaseConnections"/>.</param>
/// <param name="PerEnvironment">The connection limits of an environment's logins together.</param>
/// <param name="Environments">How many there are, suspended ones included, except those of trials that have ended.</param>
/// <param name="Waiting">Active tenants whose environment is not requested yet: see <see cref="MissingEnvironments"/>.</param>
public sealed record EnvironmentCapacity(int MaxConnections, int Reserved, int ControlPlane, int PerEnvironment, int Environments, int Waiting)
{
    /// <summary>Environments whose connections the server guarantees.</summary>
    public int Capacity => Math.Max(0, (MaxConnections - Reserved - ControlPlane) / PerEnvironment);

    public bool IsExceeded => Environments > Capacity;

    public static async Task<EnvironmentCapacity> ReadAsync(Transaction transaction, ControlPlaneOptions options, CancellationToken ct) => (await transaction.FirstAsync(
        Select,
        row => new EnvironmentCapacity(
            row.GetInt32(0), row.GetInt32(1), options.DatabaseConnections, TenantDatabase.ConnectionsPerEnvironment, row.GetInt32(2), row.GetInt32(3)),
        ct))!;

    // PostgreSQL 15 has no reserved_connections.
    const string Select = $"""
        select current_setting('max_connections')::int,
               current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0),
               (select count(*)::int from control.environment where {EnvironmentTable.UsesPlace}),
               (select count(*)::int from control.tenant t left join control.environment e on e.tenant_id = t.id where {MissingEnvironments.IsMissing})
        """;
}
