using ControlPlane.Billing;
using Npgsql;

namespace ControlPlane.Reporting;

/// <summary>What a tenant's billing period earned, and what its usage cost at the providers' prices. Amounts in EUR.</summary>
/// <param name="PeriodEnd">Exclusive.</param>
/// <param name="Invoice">null: the period was not invoiced, as in a trial.</param>
/// <param name="Revenue">The invoice's amount without tax.</param>
/// <param name="Cost">Nine decimals. Late usage is in the cost of the period it happened in, and in the revenue of the period that invoiced it.</param>
public sealed record TenantMargin(
    Guid TenantId, string Slug, DateOnly PeriodStart, DateOnly PeriodEnd, string? Invoice, decimal Revenue, decimal Cost, decimal Margin, IReadOnlyList<ModelMargin> Models);

/// <param name="Revenue">The model's share of the tenant's revenue, by its tokens; by its requests if the period has no tokens.</param>
public sealed record ModelMargin(string Model, long Requests, long PromptTokens, long CompletionTokens, decimal Revenue, decimal Cost, decimal Margin);

/// <summary>Reads the margins of billing periods that have been closed.</summary>
public static class TenantMargins
{
    /// <param name="month">Its first day. A period belongs to the month of its last day.</param>
    /// <param name="after">The last tenant of the previous page; null for the first page.</param>
    /// <param name="limit">Of tenants.</param>
    /// <returns>In the order of the tenants' ids. A tenant has one period in each month.</returns>
    public static async Task<List<TenantMargin>> MarginsAsync(this Transaction transaction, DateOnly month, Guid? after, int limit, CancellationToken ct)
    {
        var rows = await transaction.QueryAsync(Select, row => (Period: ReadPeriod(row), Usage: ReadModelUsage(row)), ct, month, month.AddMonths(1), after, limit);
        return [.. rows.GroupBy(row => row.Period, row => row.Usage).Select(period => MarginOf(period.Key, [.. period.OfType<ModelUsage>()]))];
    }

    static TenantMargin MarginOf(Period period, List<ModelUsage> usage)
    {
        var tokens = usage.ConvertAll(model => model.PromptTokens + model.CompletionTokens);
        var shares = Money.Split(period.Revenue, tokens.Exists(count => count > 0) ? tokens : usage.ConvertAll(model => model.Requests));
        var cost = usage.Sum(model => model.Cost);
        return new TenantMargin(
            period.Tenant, period.Slug, period.Start, period.End, period.Invoice, period.Revenue, cost, period.Revenue - cost,
            [.. usage.Zip(shares, (model, share) => new ModelMargin(
                model.Model, model.Requests, model.PromptTokens, model.CompletionTokens, share, model.Cost, share - model.Cost))]);
    }

    static Period ReadPeriod(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateOnly>(2), row.GetFieldValue<DateOnly>(3), row.Get<string>(4), row.GetDecimal(5));

    static ModelUsage? ReadModelUsage(NpgsqlDataReader row) =>
        row.IsDBNull(6) ? null : new ModelUsage(row.GetString(6), row.GetInt64(7), row.GetInt64(8), row.GetInt64(9), row.GetDecimal(10));

    sealed record Period(Guid Tenant, string Slug, DateOnly Start, DateOnly End, string? Invoice, decimal Revenue);

    sealed record ModelUsage(string Model, long Requests, long PromptTokens, long CompletionTokens, decimal Cost);

    // The first period also has the days before the anchor, as its invoice does.
    const string Select = """
        select p.tenant_id, p.slug, p.starts_on, p.ends_on, p.invoice, p.revenue, u.model, u.requests, u.prompt_tokens, u.completion_tokens, u.cost
        from (
            select b.tenant_id, coalesce(t.former_slug, t.slug) as slug, b.starts_on, b.ends_on, i.number as invoice, coalesce(i.net_amount, 0) as revenue,
                   case when b.number = 1 then '-infinity' else b.starts_on end as counts_from
            from control.billing_period b join control.tenant t on t.id = b.tenant_id left join control.invoice i on i.id = b.invoice_id
            where b.ends_on > $1 and b.ends_on <= $2 and b.stage not in ('open', 'previewed') and ($3::uuid is null or b.tenant_id > $3)
            order by b.tenant_id limit $4
        ) p left join lateral (
            select model, sum(requests)::bigint as requests, sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
                   sum(cost) as cost
            from control.usage_counter c where c.tenant_id = p.tenant_id and c.day >= p.counts_from and c.day < p.ends_on
            group by model
        ) u on true
        order by p.tenant_id, u.model
        """;
}
