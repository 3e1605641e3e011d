using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>The models among a batch's events that are a tenant's own weights, also those that were removed since. They cost nothing: they run on its own Ollama.</summary>
static class OwnModels
{
    const string Prefix = "own/";

    /// <returns>null when no event names one.</returns>
    public static Statement? Select(TenantUsage tenant) =>
        NamesOf(tenant) is { Length: > 0 } names ? new("select name from control.tenant_model where tenant_id = $1 and name = any($2)", tenant.Tenant, names) : null;

    /// <summary>Reads the rows of <see cref="Select"/> and moves to the next result, if there was a statement.</summary>
    public static async Task<IReadOnlySet<string>> ReadAsync(NpgsqlDataReader reader, TenantUsage tenant, CancellationToken ct)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        if (NamesOf(tenant).Length > 0)
        {
            while (await reader.ReadAsync(ct))
            {
                found.Add(reader.GetString(0));
            }

            await reader.NextResultAsync(ct);
        }

        return found;
    }

    static string[] NamesOf(TenantUsage tenant) =>
        [.. tenant.Batch.Candidates.Select(usage => usage.Model).Where(model => model.StartsWith(Prefix, StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)];
}
