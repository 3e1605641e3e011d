namespace ControlPlane.Accounts.Tenants;

/// <summary>
/// Frees the slugs of deleted tenants after a rest, during which links and certificates of the old environment expire. The tenant keeps its slug for display and
/// gets a placeholder in its place.
/// </summary>
public sealed class ReleaseSlugs(ControlDatabase database, Clock clock, SignupPolicy policy)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var released = await transaction.ExecuteAsync(Release, ct, clock.GetUtcNow() - policy.SlugRest);
        await transaction.CommitAsync(ct);
        return JobReport.Of(("slugs_released", released));
    }

    // The placeholder has forty characters, the most that a slug may have. A tenant of an earlier release may have chosen such a name.
    const string Release = $"""
        update control.tenant t set former_slug = slug, slug = '{Slug.DeletedPrefix}' || replace(id::text, '-', '')
        where status = 'deleted' and deleted_at <= $1 and former_slug is null
          and not exists (select from control.tenant o where o.slug = '{Slug.DeletedPrefix}' || replace(t.id::text, '-', ''))
        """;
}
