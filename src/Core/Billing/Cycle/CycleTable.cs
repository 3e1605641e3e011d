using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Billing.Cycle;

/// <summary>A subscription as the billing cycle reads it.</summary>
/// <param name="Segments">By their start.</param>
sealed record LoadedCycle(CycleFacts Facts, IReadOnlyList<SubscriptionSegment> Segments, IReadOnlyDictionary<int, PeriodInvoice> Invoices)
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
            new(SubscriptionHistory.SelectScheduled, tenant), new(SelectPeriods, tenant),
        ]);
        Subscription? subscription = null;
        var segments = new List<SubscriptionSegment>();
        ScheduledChange? scheduled = null;
        var rows = new List<PeriodRow>();
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
        });
        return subscription is null ? null : Of(subscription, segments, scheduled, rows, policy);
    }

    static LoadedCycle Of(
        Subscription subscription, List<SubscriptionSegment> segments, ScheduledChange? scheduled, List<PeriodRow> rows, CyclePolicy policy)
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
        return new LoadedCycle(
            facts, segments,
            rows.Where(row => row.Invoice is not null).ToDictionary(row => row.Number, row => new PeriodInvoice(row.Invoice!.Value, row.InvoiceNumber!)));
    }

    public static Task EnterAsync(
        this Transaction transaction, Guid tenant, BillingPeriod period, Stage stage, DateTimeOffset since, DateTimeOffset now, DateTimeOffset? graceFrom, Guid? invoice,
        CancellationToken ct) =>
        transaction.ExecuteAsync(Enter, ct, tenant, period.Number, period.Start, period.End, Name(stage), since, now, graceFrom, invoice);

    /// <summary>Of the invoice of a period whose stage has changed. One that was credited or written off stays so.</summary>
    public static Task SetInvoiceStatusAsync(this Transaction transaction, Guid invoice, Stage stage, DateTimeOffset at, CancellationToken ct) =>
        transaction.ExecuteAsync(
            SetStatus, ct, invoice, stage switch { Stage.Paid => "paid", Stage.Pending => "pending", _ => "open" }, stage == Stage.Paid ? at : null);

    public static string Name(Stage stage) => stage == Stage.PastDue ? "past_due" : stage.ToString().ToLowerInvariant();

    sealed record PeriodRow(int Number, Stage Stage, DateTimeOffset Since, DateTimeOffset? GraceFrom, Guid? Invoice, string? InvoiceNumber, Receivable? Receivable)
    {
        public static PeriodRow Read(NpgsqlDataReader row) => new(
            row.GetInt32(0), Parse<Stage>(row.GetString(1)), row.GetFieldValue<DateTimeOffset>(2), row.Get<DateTimeOffset?>(3), row.Get<Guid?>(4), row.Get<string>(5),
            row.IsDBNull(4)
                ? null
                : new Receivable(
                    row.GetDecimal(6), Parse<CollectionState>(row.GetString(7)), row.GetFieldValue<DateTimeOffset>(8), row.GetFieldValue<DateTimeOffset>(9), row.GetInt32(10))
                {
                    IsTransfer = row.GetBoolean(11),
                });

        public PeriodState State(DateOnly anchor) => new(BillingPeriod.Of(anchor, Number), Stage, Since, GraceFrom, Receivable);

        static T Parse<T>(string name)
            where T : struct, Enum => Enum.Parse<T>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
    }

    // What is not settled, and what was but may have to be paid again. Invoices that the former release has written have no payment: they are due by transfer.
    const string SelectPeriods = """
        select p.number, p.stage, p.stage_since, p.grace_from, i.id, i.number, i.total_amount - s.settled, coalesce(y.state, 'due'),
               coalesce(y.due_at, i.due_at, i.created_at + interval '14 days'),
               case when i.total_amount <= s.settled then greatest(y.changed_at, s.last_at, i.created_at) else coalesce(y.changed_at, i.created_at) end,
               coalesce(y.bounces, 0), coalesce(y.collection, 'transfer') = 'transfer'
        from control.billing_period p
        left join control.invoice i on i.id = p.invoice_id
        left join control.payment y on y.invoice_id = i.id
        left join lateral (select coalesce(sum(t.amount), 0) as settled, max(t.occurred_at) as last_at from control.settlement t where t.invoice_id = i.id) s on true
        where p.tenant_id = $1 and (p.stage not in ('paid', 'closed') or i.status in ('open', 'pending') or y.state = 'reversed')
        order by p.number
        """;

    const string Enter = """
        insert into control.billing_period as p (tenant_id, number, starts_on, ends_on, stage, stage_since, entered_at, grace_from, invoice_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (tenant_id, number) do update
        set stage = excluded.stage, stage_since = excluded.stage_since, entered_at = excluded.entered_at, grace_from = excluded.grace_from,
            invoice_id = coalesce(excluded.invoice_id, p.invoice_id)
        """;

    const string SetStatus = "update control.invoice set status = $2, paid_at = $3 where id = $1 and status in ('open', 'pending', 'paid')";
}
