namespace ControlPlane.Reporting;

/// <summary>What customers owe. Amounts in EUR.</summary>
/// <param name="NotDue">Of invoices whose due date has not passed.</param>
/// <param name="Overdue">By age: up to 30, 60 and 90 days past the due date, and older.</param>
/// <param name="Pending">Of all that, what bank debits under way will pay.</param>
public sealed record Outstanding(decimal NotDue, IReadOnlyList<decimal> Overdue, decimal Pending)
{
    /// <summary>Of <see cref="Overdue"/>, in days.</summary>
    public static readonly IReadOnlyList<string> Ages = ["0–30", "31–60", "61–90", "over 90"];

    public decimal Total => NotDue + Overdue.Sum();
}

/// <summary>What has happened to receivables within a time, EUR.</summary>
/// <param name="PaidBack">Refunds and returned payments.</param>
public sealed record Collected(decimal Received, decimal PaidBack, decimal WrittenOff);

/// <param name="DaysOverdue">Negative: not due yet.</param>
public sealed record OpenInvoice(
    string Number, Guid Tenant, string Slug, string Status, decimal Total, decimal Open, DateTimeOffset DueAt, int DaysOverdue, string? Collection, string? State, string? DeclineCode,
    string? Stage);

public static class Receivables
{
    public static async Task<Outstanding> OutstandingAsync(this Transaction transaction, DateTimeOffset now, CancellationToken ct) => (await transaction.FirstAsync(
        Sums,
        row => new Outstanding(row.GetDecimal(0), [row.GetDecimal(1), row.GetDecimal(2), row.GetDecimal(3), row.GetDecimal(4)], row.GetDecimal(5)), ct, now))!;

    /// <param name="to">Exclusive.</param>
    public static async Task<Collected> CollectedAsync(this Transaction transaction, DateTimeOffset from, DateTimeOffset to, CancellationToken ct) => (await transaction.FirstAsync(
        Settled, row => new Collected(row.GetDecimal(0), row.GetDecimal(1), row.GetDecimal(2)), ct, from, to))!;

    /// <param name="minimumDays">Since the due date; null: also those that are not due.</param>
    /// <param name="cursor">Number of the last invoice of the page before; null: the first page.</param>
    /// <returns>The longest overdue first.</returns>
    public static Task<List<OpenInvoice>> OpenInvoicesAsync(
        this Transaction transaction, int? minimumDays, string? cursor, int limit, DateTimeOffset now, CancellationToken ct) => transaction.QueryAsync(
        List,
        row => new OpenInvoice(
            row.GetString(0), row.GetGuid(1), row.GetString(2), row.GetString(3), row.GetDecimal(4), row.GetDecimal(5), row.GetFieldValue<DateTimeOffset>(6), row.GetInt32(7),
            row.Get<string>(8), row.Get<string>(9), row.Get<string>(10), row.Get<string>(11)),
        ct, now, minimumDays, cursor, limit);

    const string Settled = """
        select coalesce(sum(amount) filter (where kind = 'payment'), 0), coalesce(-sum(amount) filter (where kind in ('reversal', 'refund')), 0),
               coalesce(sum(amount) filter (where kind = 'write_off'), 0)
        from control.settlement where booked_at >= $1 and booked_at < $2
        """;

    const string Unsettled = """
        select i.id, i.number, i.tenant_id, i.period, i.status, i.total_amount, coalesce(i.due_at, p.due_at, i.created_at) as due_at, p.collection, p.state, p.decline_code,
               i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0) as open,
               floor(extract(epoch from $1 - coalesce(i.due_at, p.due_at, i.created_at)) / 86400)::int as days
        from control.invoice i left join control.payment p on p.invoice_id = i.id where i.status in ('open', 'pending')
        """;

    const string Sums = $"""
        select coalesce(sum(open) filter (where days < 0), 0), coalesce(sum(open) filter (where days between 0 and 30), 0),
               coalesce(sum(open) filter (where days between 31 and 60), 0), coalesce(sum(open) filter (where days between 61 and 90), 0),
               coalesce(sum(open) filter (where days > 90), 0), coalesce(sum(open) filter (where state = 'pending'), 0)
        from ({Unsettled}) u
        """;

    const string List = $"""
        with unsettled as ({Unsettled})
        select u.number, u.tenant_id, coalesce(t.former_slug, t.slug), u.status, u.total_amount, u.open, u.due_at, u.days, u.collection, u.state, u.decline_code, b.stage
        from unsettled u join control.tenant t on t.id = u.tenant_id left join control.billing_period b on b.tenant_id = u.tenant_id and b.invoice_id = u.id
        where ($2::int is null or u.days >= $2)
          and ($3::text is null or (u.due_at, u.number) > (
              select coalesce(c.due_at, p.due_at, c.created_at), c.number from control.invoice c left join control.payment p on p.invoice_id = c.id where c.number = $3))
        order by u.due_at, u.number limit $4
        """;
}
