using ControlPlane.Billing.Payments;
using ControlPlane.Billing.Credits;
using ControlPlane.Billing.Taxes;
using ControlPlane.Metering.Ingestion;
using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Billing.Invoices;

/// <summary>Reads what decides an invoice, in two round trips, with the rights of the transaction's role.</summary>
public static class InvoiceFactsQuery
{
    /// <summary>For an invoice, call it under <see cref="BillingLock.Acquire"/>, so that no event is added to the period afterwards; a preview needs no lock.</summary>
    /// <param name="segments">Of the subscription, by their start; none: the plan has been the same since the anchor.</param>
    public static async Task<InvoiceFacts> InvoiceFactsAsync(
        this Transaction transaction, Seller seller, Subscription subscription, IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period, DateTimeOffset now,
        CancellationToken ct)
    {
        var stretches = Enumerable.Range(1, period.Number).Select(number => BillingPeriod.Of(subscription.Anchor, number))
            .SelectMany(p => PeriodSegments.Of(subscription, segments, p).Select(segment => (Period: p, Segment: segment))).ToList();
        var boundaries = stretches.Select(stretch => stretch.Segment.From.UtcDateTime).ToArray();
        var known = await KnownAsync(transaction, subscription.Tenant, period, boundaries, now, ct);

        // What is dated before the first boundary is in bucket 0 and belongs to the first segment.
        var used = stretches.Select((_, index) => known.Usage.Where(usage => Math.Max(1, usage.Bucket) == index + 1).Sum(usage => usage.Tokens)).ToList();
        var needed = stretches.Zip(used, (stretch, tokens) => (stretch.Period, stretch.Segment, Tokens: tokens)).GroupBy(stretch => stretch.Period)
            .Where(p => p.Key == period || p.Any(stretch => stretch.Tokens > 0)).SelectMany(p => p).ToList();
        var late = needed.Where(stretch => stretch.Period != period).Select(stretch => stretch.Period).Distinct().ToList();
        var (prices, billed) = await PricesAndBilledAsync(transaction, subscription.Tenant, needed.Select(stretch => stretch.Segment).ToList(), late, period, boundaries, ct);

        var priced = needed.Select((stretch, index) => (stretch.Period, Segment: stretch.Segment.At(prices[index]), stretch.Tokens,
            Billed: billed.Where(usage => Math.Max(1, usage.Bucket) == stretches.IndexOf((stretch.Period, stretch.Segment)) + 1).Sum(usage => usage.Tokens))).ToList();
        var own = priced.Where(stretch => stretch.Period == period).ToList();
        return new InvoiceFacts
        {
            Subscription = subscription,
            Period = period,
            Segments = [.. own.Select(stretch => stretch.Segment)],
            Used = [.. own.Select(stretch => stretch.Tokens)],
            Late =
            [
                .. priced.Where(stretch => stretch.Period != period).GroupBy(stretch => stretch.Period).Select(origin => new LateUsage(
                    origin.Key, [.. origin.Select(stretch => stretch.Segment)], [.. origin.Select(stretch => stretch.Billed)], [.. origin.Select(stretch => stretch.Tokens)])),
            ],
            Seller = seller,
            Buyer = known.Buyer.Buyer,
            Agreed = known.Buyer.Agreed,
            Interim = known.Interim,
            Rates = new TaxRateTable(known.Rates),
            IssuedAt = now,
            Adjustments = known.Adjustments,
            Coupons = known.Coupons,
            Balance = known.Balance,
            IsLast = period.End >= subscription.EndsOn,
        };
    }

    sealed record Known(
        (Buyer Buyer, AgreedPayment Agreed) Buyer, decimal Balance, List<Adjustment> Adjustments, List<RedeemedCoupon> Coupons, List<TaxRate> Rates, List<(int Bucket, long Tokens)> Usage,
        List<InterimOverage> Interim);

    static async Task<Known> KnownAsync(Transaction transaction, Guid tenant, BillingPeriod period, DateTime[] boundaries, DateTimeOffset now, CancellationToken ct)
    {
        Known? known = null;
        await transaction.SendAsync(
            [
                new Statement(BuyerQuery.Select, tenant, now),
                new Statement("select coalesce(sum(amount), 0) from control.balance_entry where tenant_id = $1", tenant),
                new Statement(CreditQueries.SelectAdjustments, tenant),
                new Statement(CreditQueries.SelectCoupons, tenant),
                TaxRateTable.Select,
                new Statement(TokensByBoundary, tenant, period.Number, period.Start, period.EndsAt, boundaries),
                new Statement(SelectInterim, tenant, period.Number),
            ],
            ct,
            async reader => known = new Known(
                (await RowsAsync(reader, BuyerQuery.Read, ct))[0],
                (await RowsAsync(reader, row => row.GetDecimal(0), ct))[0],
                await RowsAsync(reader, CreditQueries.ReadAdjustment, ct),
                await RowsAsync(reader, CreditQueries.ReadCoupon, ct),
                await RowsAsync(reader, TaxRateTable.Read, ct),
                await RowsAsync(reader, row => (row.GetInt32(0), row.GetInt64(1)), ct),
                await RowsAsync(reader, row => new InterimOverage(row.GetFieldValue<DateTimeOffset>(0), row.GetInt64(1), row.GetDecimal(2)), ct)));
        return known!;
    }

    /// <returns>The prices of each segment (null: paused), and what earlier invoices have billed of the late periods.</returns>
    static async Task<(IReadOnlyList<PlanPrices?> Prices, List<(int Bucket, long Tokens)> Billed)> PricesAndBilledAsync(
        Transaction transaction, Guid tenant, List<AgreedSegment> segments, List<BillingPeriod> late, BillingPeriod period, DateTime[] boundaries, CancellationToken ct)
    {
        var (prices, billed) = (new Dictionary<long, PlanPrices>(), new List<(int, long)>());
        var statements = new List<Statement> { new(SelectPrices, segments.Select(segment => segment.Plan).ToArray(), segments.Select(segment => segment.From.UtcDateTime).ToArray()) };
        if (late.Count > 0)
        {
            statements.Add(new Statement(
                BilledByBoundary, tenant, late.Min(p => p.CountsFrom).ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc), late.Max(p => p.EndsAt), period.Number, boundaries));
        }

        await transaction.SendAsync(statements, ct, async reader =>
        {
            prices = (await RowsAsync(reader, row => (row.GetInt64(0), new PlanPrices(
                row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.Get<decimal?>(3), row.GetBoolean(4), row.Get<long?>(5), row.GetBoolean(6), row.Get<decimal?>(7))), ct))
                .ToDictionary(row => row.Item1, row => row.Item2);
            billed = late.Count > 0 ? await RowsAsync(reader, row => (row.GetInt32(0), row.GetInt64(1)), ct) : billed;
        });
        return ([.. segments.Select((segment, index) => segment.Plan is null ? null
            : prices.GetValueOrDefault(index + 1) ?? throw new InvalidOperationException($"Plan {segment.Plan} has no terms for {segment.From:O}."))], billed);
    }

    static async Task<List<T>> RowsAsync<T>(NpgsqlDataReader reader, Func<NpgsqlDataReader, T> row, CancellationToken ct)
    {
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(row(reader));
        }

        await reader.NextResultAsync(ct);
        return rows;
    }

    const string SelectPrices = """
        select q.ordinal, p.title, t.effective_from, t.price_eur_per_month, t.trial_days is not null, t.tokens_per_month, t.month_is_hard, t.overage_eur_per_1000
        from unnest($1::text[], $2::timestamptz[]) with ordinality q(plan, at, ordinal)
        join control.plan p on p.name = q.plan
        join lateral (select * from control.plan_terms pt where pt.plan = q.plan and pt.effective_from <= q.at order by pt.effective_from desc limit 1) t on true
        """;

    // Late events are at most this much older than the period, unless an operator replayed them. The lower bound excludes old partitions.
    static readonly string TokensByBoundary = $"""
        select width_bucket(occurred_at, $5::timestamptz[]), sum(prompt_tokens + completion_tokens)::bigint
        from control.usage_event
        where tenant_id = $1 and period = $2 and occurred_at < $4
          and occurred_at >= least(
              $3::date - {UsageAge.OpenDays},
              (select min(occurred_on) from control.quarantine
               where tenant_id = $1 and state = 'replayed' and replayed_at >= $3::date - {UsageAge.OpenDays}))::timestamp at time zone 'UTC'
        group by 1
        """;

    // As the prices are: before tax, or with it.
    const string SelectInterim = """
        select l.segment_from, sum(l.tokens)::bigint, sum(l.amount + case when i.prices = 'gross' then round(l.amount * coalesce(l.tax_rate, 0), 2) else 0 end) from control.invoice_line l join control.invoice i on i.id = l.invoice_id
        where l.tenant_id = $1 and l.of_period = $2 and l.kind = 'overage' and i.kind = 'interim' group by l.segment_from
        """;

    const string BilledByBoundary = """
        select width_bucket(occurred_at, $5::timestamptz[]), sum(prompt_tokens + completion_tokens)::bigint
        from control.usage_event where tenant_id = $1 and occurred_at >= $2 and occurred_at < $3 and period < $4
        group by 1
        """;
}
