using ControlPlane.Billing;
using ControlPlane.Database;
using ControlPlane.Http.Portal.MemberPages;
using ControlPlane.Plans;
using Npgsql;

namespace ControlPlane.Http.Portal.OperatorPages;

/// <param name="Plan">The subscription's, or the one asked for before there is one.</param>
/// <param name="Environment">Its state; null before it was asked for.</param>
/// <param name="Anchor">First day of the first billing period; null before the subscription starts.</param>
public sealed record TenantRow(
    Guid Id, string Slug, string Organization, string Country, string Status, string Plan, string? Environment, DateOnly? Anchor, DateTimeOffset CreatedAt)
{
    /// <summary>Tokens used in the billing period that holds today.</summary>
    public long TokensInPeriod { get; init; }
}

public sealed record TenantList(IReadOnlyList<TenantRow> Items, Guid? Next);

public sealed record AuditEntry(DateTimeOffset At, string Actor, string Action, string Detail);

public sealed record TenantDetail(TenantRow Tenant, string? VatId, EnvironmentView? Environment, IReadOnlyList<Invoice> Invoices, IReadOnlyList<AuditEntry> Audit);

/// <summary>Tenants as an operator sees them.</summary>
static class TenantViews
{
    const int PageSize = 50;
    const int RecentInvoices = 12;

    /// <param name="search">A part of the slug or the organization; null for all.</param>
    /// <param name="before">Continues a list: the id <see cref="TenantList.Next"/> named.</param>
    public static async Task<TenantList> TenantsAsync(
        this Transaction transaction, string? search, string? status, Guid? before, DateTimeOffset now, CancellationToken ct)
    {
        var rows = await transaction.QueryAsync(
            $"{Select} where ($1::text is null or t.slug like $1 or t.organization ilike $1) and ($2::text is null or t.status = $2) and ($3::uuid is null or t.id < $3) order by t.id desc limit {PageSize + 1}",
            Read, ct, search is null ? null : $"%{Escape(search)}%", status, before);
        var page = rows.Take(PageSize).ToList();
        return new TenantList(await WithTokensAsync(transaction, page, now, ct), rows.Count > PageSize ? page[^1].Id : null);
    }

    /// <returns>null when there is no such tenant.</returns>
    public static async Task<TenantDetail?> TenantAsync(this Transaction transaction, Guid id, DateTimeOffset now, CancellationToken ct)
    {
        if (await transaction.FirstAsync($"{Select} where t.id = $1", Read, ct, id) is not { } row)
        {
            return null;
        }

        return new TenantDetail(
            (await WithTokensAsync(transaction, [row], now, ct))[0],
            await transaction.ScalarAsync<string>("select vat_id from control.tenant where id = $1", ct, id),
            await transaction.EnvironmentViewAsync(id, ct),
            await transaction.InvoicesAsync(id, null, RecentInvoices, ct),
            await transaction.QueryAsync(
                Audit, r => new AuditEntry(r.GetFieldValue<DateTimeOffset>(0), r.GetString(1), r.GetString(2), r.GetString(3)), ct, id));
    }

    static async Task<List<TenantRow>> WithTokensAsync(Transaction transaction, List<TenantRow> rows, DateTimeOffset now, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var starts = rows.Select(r => r.Anchor is { } anchor ? BillingPeriod.Containing(anchor, today).Start : today).ToArray();
        var tokens = await transaction.QueryAsync(
            Tokens, r => (Tenant: r.GetGuid(0), Tokens: r.GetInt64(1)), ct, rows.Select(r => r.Id).ToArray(), starts);
        var byTenant = tokens.ToDictionary(t => t.Tenant, t => t.Tokens);
        return [.. rows.Select(r => r with { TokensInPeriod = byTenant.GetValueOrDefault(r.Id) })];
    }

    static string Escape(string search) =>
        search.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);

    static TenantRow Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.Get<string>(6),
        row.Get<DateOnly?>(7), row.GetFieldValue<DateTimeOffset>(8));

    const string Select = """
        select t.id, t.slug, t.organization, t.country, t.status, coalesce(s.plan, t.requested_plan), e.state, s.anchor, t.created_at
        from control.tenant t
        left join control.subscription s on s.tenant_id = t.id
        left join control.environment e on e.tenant_id = t.id
        """;

    // $1, $2: tenants and the first days of their periods, side by side.
    const string Tokens = """
        select p.tenant, coalesce(sum(c.prompt_tokens + c.completion_tokens), 0)::bigint
        from unnest($1::uuid[], $2::date[]) as p (tenant, first_day)
        join control.usage_counter c on c.tenant_id = p.tenant and c.day >= p.first_day
        group by p.tenant
        """;

    const string Audit = """
        select occurred_at, actor, action, detail::text from control.audit_log where tenant_id = $1 order by occurred_at desc, id desc limit 30
        """;
}
