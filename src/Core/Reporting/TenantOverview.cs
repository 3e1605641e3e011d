using ControlPlane.Accounts.Tenants;
using ControlPlane.Provisioning;
using Npgsql;

namespace ControlPlane.Reporting;

/// <summary>A tenant as an operator sees it.</summary>
/// <param name="Region">Where its data is stored.</param>
/// <param name="Plan">The subscription's; before it starts, the plan chosen at signup.</param>
/// <param name="Environment">null before activation.</param>
/// <param name="TokensThisPeriod">Prompt and completion tokens of the current billing period.</param>
/// <param name="Approved">An operator has created or approved it, or it has paid an invoice. The environments of the others wait until their share has room.</param>
public sealed record TenantOverview(
    Guid TenantId, string Slug, string Organization, string Country, string Region, string Plan, string Status, EnvironmentOverview? Environment,
    DateTimeOffset CreatedAt, long TokensThisPeriod, bool Approved);

/// <param name="Detail">What ready means on this installation, or the failed step and its reason.</param>
public sealed record EnvironmentOverview(string State, string? Detail, string Address);

/// <summary>Tenants as operators see them.</summary>
public sealed class TenantOverviews(ControlDatabase database, ControlPlaneOptions options, Clock clock)
{
    /// <param name="search">Part of the slug or of the organization's name; null: any.</param>
    /// <param name="status">null: any.</param>
    /// <param name="before">The last id of the previous page; null for the first page.</param>
    /// <returns>Newest first, at most <paramref name="limit"/>.</returns>
    public async Task<List<TenantOverview>> ListAsync(string? search, string? status, Guid? before, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync($"{Select} {Page}", Read, ct, Today, status, before, limit, search?.ToLowerInvariant());
    }

    /// <returns>null when the tenant does not exist.</returns>
    public async Task<TenantOverview?> FindAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync($"{Select} where t.id = $2", Read, ct, Today, tenant);
    }

    DateOnly Today => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);

    TenantOverview Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.GetString(6),
        row.IsDBNull(7) ? null : new EnvironmentOverview(row.GetString(7), row.Get<string>(8), row.Get<string>(9) ?? options.AddressOf(row.GetString(1))),
        row.GetFieldValue<DateTimeOffset>(10), row.GetInt64(11), row.GetBoolean(12));

    const string Select = $"""
        select t.id, coalesce(t.former_slug, t.slug), t.organization, t.country, t.region, coalesce(s.plan, t.requested_plan), t.status,
               case when {MissingEnvironments.IsMissing} then 'requested' else e.state end,
               case when e.state = 'failed' then concat_ws(': ', e.failed_step, e.failed_reason) else e.detail end, e.address,
               t.created_at,
               coalesce((select sum(c.prompt_tokens + c.completion_tokens) from control.usage_counter c
                         where c.tenant_id = t.id and s.tenant_id is not null and c.day >= coalesce(period.start, '-infinity')), 0)::bigint,
               {TenantApproval.IsApproved}
        from control.tenant t
        left join control.subscription s on s.tenant_id = t.id
        left join control.environment e on e.tenant_id = t.id
        left join lateral (select nullif(control.period_start(s.anchor, $1::date), s.anchor) as start) period on true
        """;

    const string Page = """
        where ($2::text is null or t.status = $2) and ($3::uuid is null or t.id < $3)
          and ($5::text is null or strpos(coalesce(t.former_slug, t.slug), $5) > 0 or strpos(lower(t.organization), $5) > 0)
        order by t.id desc limit $4
        """;
}
