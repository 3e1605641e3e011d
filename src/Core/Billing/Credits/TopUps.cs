namespace ControlPlane.Billing.Credits;

/// <summary>The credit of paid top-ups. It follows from their invoices, whoever books what on them.</summary>
static class TopUps
{
    /// <summary>
    /// Grants what was paid, once; takes back what is left of it while the payment is reversed; and reduces it by what was credited of its invoice. Call it after the invoices'
    /// status is up to date.
    /// </summary>
    public static async Task GrantCreditAsync(this Transaction transaction, Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        await transaction.ExecuteAsync(Grant, ct, tenant, now);
        await transaction.ExecuteAsync(Update, ct, tenant);
    }

    const string Grant = """
        insert into control.adjustment (id, tenant_id, kind, description, amount, remaining, reason, bought_with, created_by, created_at)
        select gen_random_uuid(), i.tenant_id, 'prepaid', 'Prepaid credit, taxed with invoice ' || i.number, i.net_amount, i.net_amount, 'top-up', i.id, 'job:payments', $2
        from control.invoice i
        where i.tenant_id = $1 and i.kind = 'top_up' and i.status = 'paid' and not exists (select from control.adjustment a where a.bought_with = i.id)
        """;

    const string Update = """
        update control.adjustment a set remaining = c.remaining
        from (select b.id, case when i.status in ('open', 'pending') then 0 else greatest(0, b.amount
                         + coalesce((select sum(l.amount) from control.invoice_line l where l.tenant_id = $1 and l.adjustment_id = b.id), 0)
                         - coalesce((select sum(n.net_amount) from control.credit_note n where n.tenant_id = $1 and n.invoice_id = i.id), 0)) end as remaining
              from control.adjustment b join control.invoice i on i.id = b.bought_with
              where b.tenant_id = $1) c
        where a.id = c.id and a.remaining <> c.remaining
        """;
}

/// <summary>
/// Cancels, as part of the job <c>billing</c>, top-ups that were not paid within a week of their due date: nothing was supplied for them, so no reminder is sent. A number is
/// not taken back, hence a correction.
/// </summary>
public sealed class CancelTopUps(ControlDatabase database, CreateCreditNote correct)
{
    static readonly TimeSpan CancelAfter = TimeSpan.FromDays(7);

    /// <returns>Numbers of invoices.</returns>
    public async Task<IReadOnlyList<string>> DueAsync(DateTimeOffset at, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Due, row => row.GetString(0), ct, at - CancelAfter);
    }

    public Task RunAsync(string invoice, CancellationToken ct) => correct.RunAsync(invoice, new CreditNoteRequest(Lines: null, "The credit was not paid.", Refund: false), "job:billing", ct);

    const string Due = """
        select i.number from control.invoice i join control.payment p on p.invoice_id = i.id
        where i.kind = 'top_up' and i.status = 'open' and p.due_at <= $1 and p.state not in ('pending', 'reversed')
        order by i.created_at limit 200
        """;
}
