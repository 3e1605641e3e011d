using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Billing.Cycle;

/// <summary>A subscription as the billing cycle reads it.</summary>
/// <param name="Segments">By their start.</param>
/// <param name="Invoices">The final ones, by period.</param>
/// <param name="Owed">Of each period the invoice that is to be paid first: the final one, or an interim one. The final one when nothing is open.</param>
/// <param name="IsOverageStopped">The charge of an interim invoice has failed.</param>
sealed record LoadedCycle(
    CycleFacts Facts, IReadOnlyList<SubscriptionSegment> Segments, IReadOnlyDictionary<int, PeriodInvoice> Invoices, IReadOnlyDictionary<int, PeriodInvoice> Owed,
    bool IsOverageStopped)
{
    public Subscription Subscription => Facts.Subscription;

    /// <summary>Whether no plan is in force now, because nothing was paid when the period began.</summary>
    public bool IsPaused => Segments is [.., { Plan: null }];
}

/// <summary>The invoice of a period.</summary>
sealed record PeriodInvoice(Guid Id, string Number);

/// <summary>Reads the facts of the billing cycle and writes its stages.</summary>
static class CycleTable
{
    /// <summary>Acquires the locks, then reads: in one round trip.</summary>
    /// <returns>null: there is no subscription.</returns>
    public static async Task<LoadedCycle?> CycleAsync(this Transaction transaction, Guid tenant, IEnumerable<string> locks, CyclePolicy policy, CancellationToken ct)
    {
        List<Statement> statements = [.. locks.Select(sql => new Statement(sql, tenant))];
        var skipped = statements.Count;
        statements.AddRange(
        [
            new($"{SubscriptionTable.Select} where tenant_id = $1", tenant), new(SubscriptionHistory.SelectSegments, tenant),
            new(SubscriptionHistory.SelectScheduled, tenant), new(SelectPeriods, tenant), new(IsOverageStopped, tenant),
        ]);
        Subscription? subscription = null;
        var segments = new List<SubscriptionSegment>();
        ScheduledChange? scheduled = null;
        var rows = new List<PeriodRow>();
        var isOverageStopped = false;
        await transaction.SendAsync(statements, ct, async reader =>
        {
            while (skipped-- > 0)
            {
                await reader.NextResultAsync(ct);
            }

            subscription = await reader.ReadAsync(ct) ? SubscriptionTable.Read(reader) : null;
            await reader.NextResultAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                segments.Add(SubscriptionHistory.ReadSegment(reader));
            }

            await reader.NextResultAsync(ct);
            scheduled = await reader.ReadAsync(ct) ? SubscriptionHistory.ReadScheduled(reader) : null;
            await reader.NextResultAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                rows.Add(PeriodRow.Read(reader));
            }

            await reader.NextResultAsync(ct);
            isOverageStopped = await reader.ReadAsync(ct) && reader.GetBoolean(0);
        });
        return subscription is null ? null : Of(subscription, segments, scheduled, rows, policy, isOverageStopped);
    }

    static LoadedCycle Of(
        Subscription subscription, List<SubscriptionSegment> segments, ScheduledChange? scheduled, List<PeriodRow> rows, CyclePolicy policy, bool isOverageStopped)
    {
        var periods = rows.Where(row => row.Stage != Stage.Previewed).Select(row => row.State(subscription.Anchor)).ToList();
        var open = BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod);
        var isPaused = segments is [.., { Plan: null }];
        if (subscription.Status == "active")
        {
            var preview = rows.Find(row => row.Number == open.Number);
            periods.Add(preview?.State(subscription.Anchor) ?? new PeriodState(open, Stage.Open, open.StartsAt, null, null));
        }

        var facts = new CycleFacts(
            subscription, IsPriced: subscription is { TrialEndsAt: null, TenantDeletedAt: null } && !isPaused,
            BeganPaused: isPaused && segments[^1].StartsAt <= open.StartsAt, periods, scheduled, policy);
        var invoiced = rows.Where(row => row.Invoice is not null).ToList();
        return new LoadedCycle(
            facts, segments, invoiced.ToDictionary(row => row.Number, row => row.Invoice!), invoiced.ToDictionary(row => row.Number, row => row.Owed!), isOverageStopped);
    }

    public static Task EnterAsync(
        this Transaction transaction, Guid tenant, BillingPeriod period, Stage stage, DateTimeOffset since, DateTimeOffset now, DateTimeOffset? graceFrom, Guid? invoice,
        CancellationToken ct) =>
        transaction.ExecuteAsync(Enter, ct, tenant, period.Number, period.Start, period.End, Name(stage), since, now, graceFrom, invoice);

    /// <summary>Of the invoice of a period whose stage has changed. One that was credited or written off stays so.</summary>
    public static Task SetInvoiceStatusAsync(this Transaction transaction, Guid invoice, Stage stage, DateTimeOffset at, CancellationToken ct) =>
        transaction.ExecuteAsync(
            SetStatus, ct, invoice, stage == Stage.Pending ? "pending" : "open", stage == Stage.Paid ? at : null, at);

    /// <summary>Of interim invoices and top-ups, which have no stage, and of a final one that is paid while its period is not: follows from what was paid.</summary>
    /// <returns>False: the tenant has none.</returns>
    public static async Task<bool> SetStatusBesidePeriodsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.ScalarAsync<bool>(HasInvoicesBeside, ct, tenant) && await transaction.ExecuteAsync(SetBeside, ct, tenant) >= 0;

    public static string Name(Stage stage) => stage == Stage.PastDue ? "past_due" : stage.ToString().ToLowerInvariant();

    sealed record PeriodRow(int Number, Stage Stage, DateTimeOffset Since, DateTimeOffset? GraceFrom, PeriodInvoice? Invoice, PeriodInvoice? Owed, Receivable? Receivable)
    {
        public static PeriodRow Read(NpgsqlDataReader row) => new(
            row.GetInt32(0), Parse<Stage>(row.GetString(1)), row.GetFieldValue<DateTimeOffset>(2), row.Get<DateTimeOffset?>(3), Named(row, 4), Named(row, 6),
            row.IsDBNull(4)
                ? null
                : new Receivable(
                    row.GetDecimal(8), Parse<CollectionState>(row.GetString(9)), row.GetFieldValue<DateTimeOffset>(10), row.GetFieldValue<DateTimeOffset>(11), row.GetInt32(12))
                {
                    IsTransfer = row.GetBoolean(13),
                });

        static PeriodInvoice? Named(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : new PeriodInvoice(row.GetGuid(column), row.GetString(column + 1));

        public PeriodState State(DateOnly anchor) => new(BillingPeriod.Of(anchor, Number), Stage, Since, GraceFrom, Receivable);

        static T Parse<T>(string name)
            where T : struct, Enum => Enum.Parse<T>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
    }

    // What is not settled, and what was but may have to be paid again. Invoices that the former release has written have no payment: they are due by transfer.
    const string SelectPeriods = """
        select p.number, p.stage, p.stage_since, p.grace_from, f.id, f.number, o.id, o.number, o.open_in_all, o.state, o.due_at,
               case when o.open_in_all > 0 then o.changed_at else o.last_change end, o.bounces, o.is_transfer
        from control.billing_period p
        left join control.invoice f on f.id = p.invoice_id
        left join lateral (
            select r.*, sum(greatest(r.open, 0)) over () as open_in_all, max(r.changed_at) over () as last_change from (
                select i.id, i.number, i.status, i.total_amount - s.settled as open, coalesce(y.state, 'due') as state,
                       coalesce(y.due_at, i.due_at, i.created_at + interval '14 days') as due_at,
                       case when i.total_amount <= s.settled then greatest(y.changed_at, s.last_at, i.created_at) else coalesce(y.changed_at, i.created_at) end as changed_at,
                       coalesce(y.bounces, 0) as bounces, coalesce(y.collection, 'transfer') = 'transfer' as is_transfer
                from control.invoice i
                left join control.payment y on y.invoice_id = i.id
                left join lateral (select coalesce(sum(t.amount), 0) as settled, max(t.occurred_at) as last_at from control.settlement t where t.invoice_id = i.id) s on true
                where i.id = f.id or (i.tenant_id = p.tenant_id and i.period = p.number and i.kind = 'interim')) r
            order by r.open > 0 desc, array_position(array['reversed', 'failed', 'requires_action', 'due'], r.state) nulls last, r.id = f.id desc limit 1) o on f.id is not null
        where p.tenant_id = $1 and (p.stage not in ('paid', 'closed') or o.status in ('open', 'pending') or o.state = 'reversed')
        order by p.number
        """;

    const string IsOverageStopped = """
        select exists (select from control.invoice i join control.payment y on y.invoice_id = i.id
                       where i.tenant_id = $1 and i.kind = 'interim' and i.status = 'open' and y.collection = 'charge' and y.state in ('failed', 'requires_action', 'reversed'))
        """;

    const string HasInvoicesBeside = "select exists (select from control.invoice where tenant_id = $1 and kind <> 'period')";

    const string SetBeside = """
        update control.invoice i set status = now.status, paid_at = case when now.status = 'paid' then now.last_at end
        from (select n.id, case when n.total_amount <= s.settled then 'paid' when y.state = 'pending' then 'pending' else 'open' end as status, s.last_at
              from control.invoice n
              left join control.payment y on y.invoice_id = n.id
              left join lateral (select coalesce(sum(t.amount), 0) as settled, max(t.occurred_at) as last_at from control.settlement t where t.invoice_id = n.id) s on true
              where n.tenant_id = $1) now
        where i.id = now.id and i.status in ('open', 'pending', 'paid') and i.status <> now.status and (i.kind <> 'period' or now.status = 'paid')
        """;

    const string Enter = """
        insert into control.billing_period as p (tenant_id, number, starts_on, ends_on, stage, stage_since, entered_at, grace_from, invoice_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (tenant_id, number) do update
        set stage = excluded.stage, stage_since = excluded.stage_since, entered_at = excluded.entered_at, grace_from = excluded.grace_from,
            invoice_id = coalesce(excluded.invoice_id, p.invoice_id)
        """;

    // An interim invoice may be open while the final one is paid.
    const string SetStatus = """
        update control.invoice i set status = case when p.is_paid then 'paid' else $2 end, paid_at = case when p.is_paid then coalesce(i.paid_at, $3, $4) end
        from (select n.total_amount <= coalesce((select sum(t.amount) from control.settlement t where t.invoice_id = n.id), 0) as is_paid from control.invoice n where n.id = $1) p
        where i.id = $1 and i.status in ('open', 'pending', 'paid')
        """;
}
