using System.Globalization;

namespace ControlPlane.Demo.Months;

/// <summary>An invoice with what it says, and what was booked on it. EUR.</summary>
/// <param name="Period">Counted from 1.</param>
/// <param name="Lines">Their sum, before tax.</param>
/// <param name="Paid">Payments less what was taken back.</param>
/// <param name="Settled">By payments, balance and whatever else.</param>
public sealed record BilledPeriod(
    string Number, int Period, string Plan, long Tokens, decimal Base, decimal Overage, decimal Net, decimal Tax, decimal Total, string Status, decimal Lines, long LineTokens, decimal Paid,
    decimal Settled)
{
    public decimal Open => Total - Settled;
}

/// <param name="Period">Counted from 1.</param>
/// <param name="Name">As in the database.</param>
public sealed record EnteredStage(int Period, string Name, DateTimeOffset At);

/// <summary>What the platform has stored about one customer.</summary>
/// <param name="Unbilled">Tokens of periods that have no invoice yet.</param>
public sealed record MonthsRecords(IReadOnlyList<BilledPeriod> Invoices, IReadOnlyList<EnteredStage> Stages, long Unbilled, string Status, string Access)
{
    public static async Task<MonthsRecords> ReadAsync(ControlDatabase database, Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var invoices = await transaction.QueryAsync(
            SelectInvoices,
            row => new BilledPeriod(
                row.GetString(0), row.GetInt32(1), row.GetString(2), row.GetInt64(3), row.GetDecimal(4), row.GetDecimal(5), row.GetDecimal(6), row.GetDecimal(7), row.GetDecimal(8),
                row.GetString(9), row.GetDecimal(10), row.GetInt64(11), row.GetDecimal(12), row.GetDecimal(13)),
            ct, tenant);
        var stages = await transaction.QueryAsync(
            SelectStages,
            row => new EnteredStage(int.Parse(row.GetString(0), CultureInfo.InvariantCulture), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2)), ct, tenant);
        var (unbilled, status, access) = await transaction.FirstAsync(
            SelectState, row => Tuple.Create(row.GetInt64(0), row.GetString(1), row.GetString(2)), ct, tenant) ?? throw new CommandFailedException($"There is no tenant {tenant}.");
        return new MonthsRecords(invoices, stages, unbilled, status, access);
    }

    /// <returns>The numbers of all invoices, in the order in which they were written.</returns>
    public static async Task<IReadOnlyList<string>> NumbersAsync(ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync("select number from control.invoice order by created_at, number", row => row.GetString(0), ct);
    }

    const string SelectInvoices = """
        select i.number, i.period, i.plan, i.token_usage, i.base_charge, i.overage_charge, i.net_amount, i.tax, i.total_amount, i.status, l.amount, l.tokens, s.paid, s.settled
        from control.invoice i
        cross join lateral (select sum(amount) as amount, sum(tokens)::bigint as tokens from control.invoice_line where invoice_id = i.id) l
        cross join lateral (
            select coalesce(sum(amount) filter (where kind in ('payment', 'reversal', 'refund')), 0) as paid, coalesce(sum(amount), 0) as settled
            from control.settlement where invoice_id = i.id) s
        where i.tenant_id = $1 order by i.period
        """;

    const string SelectStages = """
        select detail ->> 'period', substr(action, 8), occurred_at from control.audit_log
        where tenant_id = $1 and action like 'period.%' and action not in ('period.previewed', 'period.closed')
        union all
        select number::text, 'abandoned', stage_since from control.billing_period where tenant_id = $1 and stage = 'closed' and invoice_id is not null
        order by 3
        """;

    const string SelectState = """
        select (select coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint from control.usage_event e
                where e.tenant_id = t.id and e.period not in (select period from control.invoice i where i.tenant_id = t.id)),
               t.status, s.access
        from control.tenant t join control.subscription s on s.tenant_id = t.id where t.id = $1
        """;
}
