namespace ControlPlane.Provisioning;

/// <summary>
/// Active tenants without an environment: activation only changes the tenant's status, and the job <c>provision</c> requests the environment.
/// Until then it is shown as <see cref="EnvironmentState.Requested"/>.
/// </summary>
public sealed class MissingEnvironments(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Condition on <c>control.tenant t</c> and <c>control.environment e</c>, left joined.</summary>
    public const string IsMissing = "e.tenant_id is null and t.status = 'active'";

    /// <summary>A query for the tenants concerned; ends with its conditions.</summary>
    internal const string Select = $"select t.id, t.slug from control.tenant t left join control.environment e on e.tenant_id = t.id where {IsMissing}";

    /// <summary>Requests every missing environment. Any number of processes may do so at once: each environment gets one run.</summary>
    /// <param name="failed">Tenants to leave out; those whose request fails are added.</param>
    /// <returns>How many were requested.</returns>
    public async Task<int> RequestAsync(JobParts parts, ISet<Guid> failed, CancellationToken ct)
    {
        List<(Guid Tenant, string Slug)> missing;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            missing = await transaction.QueryAsync($"{Select} and t.id <> all($1)", row => (row.GetGuid(0), row.GetString(1)), ct, failed.ToArray());
        }

        var requested = 0;
        foreach (var (tenant, slug) in missing)
        {
            if (!await parts.TryAsync("request the environment", tenant, async () => requested += await RequestAsync(tenant, slug, ct) ? 1 : 0, ct))
            {
                failed.Add(tenant);
            }
        }

        return requested;
    }

    async Task<bool> RequestAsync(Guid tenant, string slug, CancellationToken ct)
    {
        // The tenant's row may be locked; the next run, a minute later, tries again.
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        var created = await transaction.CreateMissingEnvironmentAsync(clock, options, tenant, slug, ct);
        await transaction.CommitAsync(ct);
        return created;
    }
}
