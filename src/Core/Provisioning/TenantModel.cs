using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>A model of a dedicated Ollama: one of the plan, or the tenant's own weights.</summary>
/// <param name="Name">As clients name it; own weights begin with <c>own/</c>.</param>
/// <param name="Source">As Ollama downloads it.</param>
/// <param name="State"><c>requested</c>, <c>pulling</c>, <c>ready</c>, <c>failed</c> or <c>removing</c>.</param>
/// <param name="Reason">Why the download failed.</param>
/// <param name="Percent">Of the file that is being downloaded.</param>
/// <param name="SizeBytes">Rounded.</param>
public sealed record TenantModel(string Name, string Source, string State, string? Reason, int? Percent, long? SizeBytes, string? Digest, DateTimeOffset CreatedAt)
{
    internal bool IsOwn => ModelSource.IsOwn(Name);
}

static class TenantModels
{
    /// <summary>In order of their names, without those that were removed.</summary>
    public static Task<List<TenantModel>> ModelsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync($"select {Columns} from control.tenant_model where tenant_id = $1 and state <> 'removed' order by name", Read, ct, tenant);

    /// <summary>The own weights that the gateway offers.</summary>
    public static Task<List<GatewayModel>> OwnModelsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync(Own, row => new GatewayModel(row.GetString(0), IsLocal: true, 0, 0, MemoryMib: null, [new("ollama", row.GetString(1))]), ct, tenant);

    public static TenantModel Read(NpgsqlDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.Get<string>(3), row.Get<int?>(4), row.Get<long?>(5), row.Get<string>(6), row.GetFieldValue<DateTimeOffset>(7));

    public const string Columns = "name, source, state, reason, percent, size_bytes, digest, created_at";

    /// <summary>SQL of the ordinal of the latest run of the tenant $1, if any: a later one applies what has changed.</summary>
    public const string LatestRun = "(select coalesce(max(ordinal), 0) from control.provisioning_run where tenant_id = $1)";

    const string Own = """
        select name, 'ollama_chat/' || source from control.tenant_model
        where tenant_id = $1 and name like 'own/%' and state = 'ready' order by name
        """;
}
