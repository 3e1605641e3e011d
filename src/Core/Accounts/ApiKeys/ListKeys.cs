namespace ControlPlane.Accounts.ApiKeys;

/// <summary>Lists the keys a tenant created, including revoked ones, newest first. The environment's own key is not among them.</summary>
public sealed class ListKeys(ControlDatabase database)
{
    /// <param name="before">The id of the last row of the previous page; ids sort by time. null: the first page.</param>
    public async Task<IReadOnlyList<TenantKey>> RunAsync(Guid tenant, Guid? before, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.QueryAsync(
            Select,
            row => new TenantKey(
                row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetFieldValue<string[]>(3), row.GetFieldValue<DateTimeOffset>(4), row.Get<DateTimeOffset?>(5), row.Get<string>(6)),
            ct, tenant, before, limit);
    }

    const string Select = """
        select id, name, prefix, scopes, created_at, revoked_at, user_id from control.tenant_key
        where tenant_id = $1 and name <> 'gateway' and ($2::uuid is null or id < $2) order by id desc limit $3
        """;
}
