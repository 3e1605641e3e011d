namespace ControlPlane.Provisioning;

/// <summary>
/// Active tenants without an environment: activation only changes the tenant's status, and the job <c>provision</c> requests the environment.
/// Until then it is shown as <see cref="EnvironmentState.Requested"/>.
/// </summary>
public sealed class MissingEnvironments(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    /// <summary>Condition on <c>control.tenant t</c> and <c>control.environment e</c>, left joined.</summary>
    public const string IsMissing = "e.tenant_id is null and t.status = 'active'";

    /// <summary>A query for the tenants concerned.</summary>
    internal const string Select = $"select t.id, t.slug from control.tenant t left join control.environment e on e.tenant_id = t.id where {IsMissing}";

    /// <summary>Requests every missing environment. Any number of processes may do so at once: each environment gets one run.</summary>
    /// <returns>How many were requested.</returns>
    public async Task<int> RequestAsync(CancellationToken ct)
    {
        List<(Guid Tenant, string Slug)> missing;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            missing = await transaction.QueryAsync(Select, row => (row.GetGuid(0), row.GetString(1)), ct);
        }

        var requested = 0;
        foreach (var (tenant, slug) in missing)
        {
            await using var transaction = await database.BeginJobAsync(ct);
            if (await transaction.CreateMissingEnvironmentAsync(clock, options, tenant, slug, ct))
            {
                requested++;
            }

            await transaction.CommitAsync(ct);
        }

        return requested;
    }
}
