using ControlPlane.Billing.Cycle;

namespace ControlPlane.Reporting;

/// <summary>What every page tells the members of a tenant because something stops working, or will. At most one thing: the worst.</summary>
public abstract record AccountNotice
{
    /// <param name="KeptUntil">null: it was deleted for another reason than a cancellation.</param>
    public sealed record Ended(DateTimeOffset? KeptUntil) : AccountNotice;

    /// <param name="Invoice">Its number, as below.</param>
    public sealed record Suspended(string Invoice, decimal Open) : AccountNotice;

    /// <summary>Only local models answer.</summary>
    public sealed record Dunning(string Invoice, decimal Open, DateTimeOffset SuspendsAt) : AccountNotice;

    public sealed record PastDue(string Invoice, decimal Open, DateTimeOffset WorksUntil) : AccountNotice;

    public sealed record TrialEnded : AccountNotice;

    public sealed record TrialEnding(DateTimeOffset EndsAt) : AccountNotice;

    /// <param name="On">Exclusive.</param>
    public sealed record Cancelled(DateOnly On) : AccountNotice;
}

public static class AccountNotices
{
    /// <summary>How long before its end a trial is mentioned on every page.</summary>
    static readonly TimeSpan TrialReminder = TimeSpan.FromDays(3);

    /// <returns>null: all is well.</returns>
    public static async Task<AccountNotice?> AccountNoticeAsync(this Transaction transaction, Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        var policy = new CyclePolicy();
        var notice = await transaction.FirstAsync(
            Select,
            row => new Holder((row.GetString(0), row.Get<string>(4)) switch
            {
                ("ended", _) => new AccountNotice.Ended(
                    row.Get<string>(1) == "cancelled" && row.Get<DateTimeOffset?>(2) is { } endedAt ? endedAt + policy.KeepAfterEnd : null),
                (_, "suspended") => new AccountNotice.Suspended(row.GetString(7), row.GetDecimal(8)),
                (_, "dunning") => new AccountNotice.Dunning(row.GetString(7), row.GetDecimal(8), row.GetFieldValue<DateTimeOffset>(5) + policy.Suspension),
                (_, "past_due") => new AccountNotice.PastDue(
                    row.GetString(7), row.GetDecimal(8), (row.Get<DateTimeOffset?>(6) ?? row.GetFieldValue<DateTimeOffset>(5)) + policy.Dunning),
                _ when row.Get<DateTimeOffset?>(3) is { } ends && row.GetBoolean(10) && ends <= now => new AccountNotice.TrialEnded(),
                _ when row.Get<DateTimeOffset?>(3) is { } ends && row.GetBoolean(10) && ends <= now + TrialReminder => new AccountNotice.TrialEnding(ends),
                _ when row.Get<DateOnly?>(9) is { } on => new AccountNotice.Cancelled(on),
                _ => null,
            }),
            ct, tenant);
        return notice?.Notice;
    }

    sealed record Holder(AccountNotice? Notice);

    // The worst stage first; of several periods in it the oldest, and of its invoices one that is open.
    const string Select = """
        select s.status, s.end_reason, s.ended_at, s.trial_ends_at, p.stage, p.stage_since, p.grace_from, i.number, i.open,
               (select c.effective_on from control.subscription_change c where c.tenant_id = s.tenant_id and c.kind = 'cancellation' and c.state = 'scheduled'),
               coalesce((select e.first_ready_at is not null from control.environment e where e.tenant_id = s.tenant_id), false)
        from control.subscription s
        left join lateral (
            select u.number, u.stage, u.stage_since, u.grace_from, u.invoice_id from control.billing_period u
            where u.tenant_id = s.tenant_id and u.stage in ('past_due', 'dunning', 'suspended')
            order by array_position(array['suspended', 'dunning', 'past_due'], u.stage), u.number limit 1) p on true
        left join lateral (
            select v.number, v.total_amount - coalesce((select sum(b.amount) from control.settlement b where b.invoice_id = v.id), 0) as open from control.invoice v
            where v.id = p.invoice_id or (v.tenant_id = s.tenant_id and v.period = p.number and v.kind = 'interim')
            order by v.total_amount > coalesce((select sum(b.amount) from control.settlement b where b.invoice_id = v.id), 0) desc, v.id = p.invoice_id desc limit 1) i on true
        where s.tenant_id = $1
        """;
}
