using ControlPlane.Limits;
using ControlPlane.Subscriptions;
using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// The only writer of events and counters. Each step is one round trip for all tenants of a transaction.
/// </summary>
static class UsageTables
{
    /// <summary>Locks the tenants and prices their events.</summary>
    /// <param name="wait">False in a shared transaction: tenants whose lock is held by another transaction are skipped.</param>
    /// <param name="quota">null: unlimited.</param>
    public static async Task PriceAsync(
        this Transaction transaction, IReadOnlyList<TenantUsage> tenants, bool wait, UsageQuota? quota, DateTimeOffset now, CancellationToken ct)
    {
        var statements = new List<Statement>();
        foreach (var tenant in tenants)
        {
            // Separate statements, so that the subscription is read after the lock was acquired.
            statements.Add(Transaction.For(tenant.Tenant));
            statements.Add(new(wait ? BillingLock.Acquire : BillingLock.TryAcquire, tenant.Tenant));
            statements.Add(new($"{SubscriptionTable.Select} where tenant_id = $1", tenant.Tenant));
            Statement?[] optional = [quota is null ? null : UsageReceived.Select(tenant.Tenant, quota, now), OwnModels.Select(tenant)];
            statements.AddRange(optional.OfType<Statement>());
        }

        statements.Add(new(ModelPrices.Select, tenants.SelectMany(t => t.Batch.Candidates).Select(usage => usage.Model).Distinct(StringComparer.Ordinal).ToArray()));
        await transaction.SendAsync(statements, ct, async reader =>
        {
            foreach (var tenant in tenants)
            {
                await reader.NextResultAsync(ct);
                tenant.IsLockedOut = !wait && await reader.ReadAsync(ct) && !reader.GetBoolean(0);
                await reader.NextResultAsync(ct);
                tenant.Subscription = await reader.ReadAsync(ct) ? SubscriptionTable.Read(reader) : null;
                await reader.NextResultAsync(ct);
                if (quota is not null)
                {
                    tenant.IsOverQuota = await UsageReceived.IsQuotaReachedAsync(reader, ct);
                    await reader.NextResultAsync(ct);
                }

                tenant.OwnModels = await OwnModels.ReadAsync(reader, tenant, ct);
            }

            var prices = await ModelPrices.ReadAsync(reader, ct);
            foreach (var tenant in tenants)
            {
                tenant.Batch.Price(prices, tenant.Subscription, tenant.OwnModels);
            }
        });
    }

    /// <summary>Inserts the events that are new.</summary>
    public static async Task InsertAsync(this Transaction transaction, IReadOnlyList<TenantUsage> tenants, DateTimeOffset now, CancellationToken ct)
    {
        var byTenant = tenants.Where(t => t.Batch.Priced.Count > 0)
            .Select(t => (Tenant: t, Months: t.Batch.Priced.GroupBy(p => new DateOnly(p.Event.Day.Year, p.Event.Day.Month, 1))
                .Select(month => (First: month.Key, Events: month.ToList())).ToList())).ToList();
        if (byTenant.Count == 0)
        {
            return;
        }

        var statements = byTenant.SelectMany(
            t => t.Months.Select(month => InsertInto(month.First, t.Tenant, month.Events, now)).Prepend(Transaction.For(t.Tenant.Tenant)));
        await transaction.SendAsync(statements, ct, async reader =>
        {
            foreach (var (tenant, months) in byTenant)
            {
                var inserted = new List<string>();
                foreach (var (_, events) in months)
                {
                    await reader.NextResultAsync(ct);
                    await reader.ReadAsync(ct);
                    inserted.AddRange(reader.Get<string[]>(0) ?? events.Select(e => e.Event.Id));
                }

                tenant.Batch.Accept(inserted);
                await reader.NextResultAsync(ct);
            }
        });
    }

    static Statement InsertInto(DateOnly month, TenantUsage tenant, List<PricedEvent> events, DateTimeOffset now)
    {
        return new(
            Insert, tenant.Tenant, now, Column(e => e.Event.Id), Column(e => e.Event.OccurredAt), Column(e => e.Event.User), Column(e => e.Event.Session),
            Column(e => e.Event.Model), Column(e => e.Event.PromptTokens), Column(e => e.Event.CompletionTokens), Column(e => e.Cost),
            Column(e => tenant.Subscription!.PeriodOf(e.Event.OccurredAt)), Column(e => e.Event.ReservationId), Column(e => e.Event.Feature),
            Column(e => e.Event.Quantity), SearchedSince(events, now), StartOf(month), StartOf(month.AddMonths(1)), now + UsageBatch.MaximumAhead,
            Column(e => Stored(e.Event.Kinds.CachedPrompt)), Column(e => Stored(e.Event.Kinds.CacheWrite)), Column(e => Stored(e.Event.Kinds.Reasoning)),
            Column(e => Stored(e.Event.Kinds.Audio)), Column(e => e.Event.CacheHit ? true : default(bool?)));

        // Most events have neither, and a null takes no space in a row.
        static int? Stored(long tokens) => tokens == 0 ? null : (int)tokens;
        T[] Column<T>(Func<PricedEvent, T> value) => events.ConvertAll(e => value(e)).ToArray();
    }

    /// <summary>Adds the inserted events to the live counters and budgets. They are summed here, so that each row is written once per batch, in key order.</summary>
    public static async Task CountAsync(this Transaction transaction, IReadOnlyList<TenantUsage> tenants, DateTimeOffset now, CancellationToken ct)
    {
        var statements = tenants.Where(t => t.Batch.Inserted.Count > 0 || t.Batch.Rejected.Any())
            .SelectMany(tenant => new[] { Transaction.For(tenant.Tenant), AddToCounters(tenant, now), tenant.Batch.Inserted.Count > 0 ? AddToBudgets(tenant) : null })
            .OfType<Statement>().ToList();
        if (statements.Count > 0)
        {
            await transaction.SendAsync(statements, ct);
        }
    }

    static Statement AddToCounters(TenantUsage tenant, DateTimeOffset now)
    {
        var rows = tenant.Batch.Inserted.GroupBy(e => (e.Event.Day, e.Event.Model, e.Event.User))
            .Select(group => (group.Key, Requests: group.LongCount(), Prompt: group.Sum(e => e.Event.PromptTokens),
                Completion: group.Sum(e => e.Event.CompletionTokens), Cost: group.Sum(e => e.Cost))).ToList();
        return new(
            UpsertCounters, tenant.Tenant, Column(r => r.Key.Day), Column(r => r.Key.Model), Column(r => r.Key.User), Column(r => r.Requests), Column(r => r.Prompt),
            Column(r => r.Completion), Column(r => r.Cost), UsageReceived.DayOf(now),
            tenant.Batch.Inserted.Sum(e => UsageReceived.UnitsOf(e.Event)) + tenant.Batch.Rejected.Sum(UsageReceived.UnitsOf), UsageQuota.BytesPerEvent);

        T[] Column<T>(Func<((DateOnly Day, string Model, string User) Key, long Requests, long Prompt, long Completion, decimal Cost), T> value) =>
            rows.ConvertAll(r => value(r)).ToArray();
    }

    static Statement AddToBudgets(TenantUsage tenant)
    {
        var anchor = tenant.Subscription!.Anchor;
        var rows = tenant.Batch.Inserted.GroupBy(e => (e.Event.Day, e.Event.Feature, e.Event.ReservationId))
            .Select(group => (group.Key, Tokens: group.Sum(e => e.Event.TotalTokens), Quantity: group.Sum(e => e.Event.Quantity))).ToList();
        return new(
            UpdateBudgets, tenant.Tenant, Column(r => r.Key.Day), Column(r => BillingPeriod.Containing(anchor, r.Key.Day).Start), Column(r => r.Tokens),
            Column(r => r.Key.Feature), Column(r => r.Quantity), Column(r => r.Key.ReservationId));

        T[] Column<T>(Func<((DateOnly Day, string? Feature, Guid? ReservationId) Key, long Tokens, long? Quantity), T> value) =>
            rows.ConvertAll(r => value(r)).ToArray();
    }

    /// <summary>Tells duplicates from conflicts by comparing with the events that were counted under the same ids.</summary>
    public static async Task CompareAsync(this Transaction transaction, TenantUsage tenant, DateTimeOffset now, CancellationToken ct)
    {
        if (tenant.Batch.Existing.Count == 0)
        {
            tenant.Batch.Compare([]);
            return;
        }

        var since = SearchedSince(tenant.Batch.Priced, now);
        var select = new Statement(SelectExisting, tenant.Tenant, tenant.Batch.Existing.ToArray(), StartOf(new DateOnly(since.Year, since.Month, 1)));
        await transaction.SendAsync([Transaction.For(tenant.Tenant), select], ct, async reader =>
        {
            await reader.NextResultAsync(ct);
            var existing = new List<UsageEvent>();
            while (await reader.ReadAsync(ct))
            {
                existing.Add(Read(reader));
            }

            tenant.Batch.Compare(existing);
        });
    }

    static UsageEvent Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetString(0),
        OccurredAt = row.GetFieldValue<DateTimeOffset>(1),
        User = row.GetString(2),
        Session = row.Get<string>(3),
        Model = row.GetString(4),
        PromptTokens = row.GetInt64(5),
        CompletionTokens = row.GetInt64(6),
        ReservationId = row.Get<Guid?>(7),
        Feature = row.Get<string>(8),
        Quantity = row.Get<long?>(9),
        Kinds = new TokenKinds(row.Get<int>(10), row.Get<int>(11), row.Get<int>(12), row.Get<int>(13)),
        CacheHit = row.Get<bool>(14),
    };

    // Older events come from operators' replays only. Quarantine may hold several with one id, so all months are searched.
    static DateTimeOffset SearchedSince(IEnumerable<PricedEvent> events, DateTimeOffset now)
    {
        var openSince = now - TimeSpan.FromDays(UsageAge.OpenDays);
        return events.Any(e => e.Event.OccurredAt < openSince) ? DateTimeOffset.UnixEpoch : openSince;
    }

    static DateTimeOffset StartOf(DateOnly day) => new(day, TimeOnly.MinValue, TimeSpan.Zero);

    // The events of one month, $16 to $17. Within the month, the unique index rejects known ids. In the other months for which events are accepted
    // ($15 to $18) each id is looked up; the limit keeps the planner from joining whole months. Returns the inserted ids, or null if all were inserted.
    const string Insert = """
        with inserted as (
            insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, session_id, model, prompt_tokens, completion_tokens,
                                             cost, period, reservation_id, feature, quantity,
                                             cached_prompt_tokens, cache_write_tokens, reasoning_tokens, audio_tokens, cache_hit)
            select $1, i.id, i.occurred_at, $2, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period, reservation_id, feature, quantity,
                   cached_prompt_tokens, cache_write_tokens, reasoning_tokens, audio_tokens, cache_hit
            from unnest($3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::numeric[], $11::int[], $12::uuid[],
                        $13::text[], $14::bigint[], $19::int[], $20::int[], $21::int[], $22::int[], $23::boolean[])
                as i (id, occurred_at, user_id, session_id, model, prompt_tokens, completion_tokens, cost, period, reservation_id, feature, quantity,
                      cached_prompt_tokens, cache_write_tokens, reasoning_tokens, audio_tokens, cache_hit)
            left join lateral (
                (select true as found from control.usage_event e where e.tenant_id = $1 and e.id = i.id and e.occurred_at >= $15 and e.occurred_at < $16 limit 1)
                union all
                (select true from control.usage_event e where e.tenant_id = $1 and e.id = i.id and e.occurred_at >= $17 and e.occurred_at < $18 limit 1)
            ) elsewhere on true
            where elsewhere.found is null
            on conflict do nothing returning id
        )
        select case when count(*) < cardinality($3::text[]) then coalesce(array_agg(id), '{}') end from inserted
        """;

    // From $3 on, the start of a month: the unique index of that month may have found an id whose event is older than the search of the insert.
    const string SelectExisting = """
        select e.* from unnest($2::text[]) k (id), lateral (
            select id, occurred_at, user_id, session_id, model, prompt_tokens, completion_tokens, reservation_id, feature, quantity,
                   cached_prompt_tokens, cache_write_tokens, reasoning_tokens, audio_tokens, cache_hit
            from control.usage_event e where e.tenant_id = $1 and e.id = k.id and e.occurred_at >= $3 limit 1) e
        """;

    // Also raises the revision of each day, which tells the nightly job that the day has changed, and what was received today, $9, of which the rows that are new
    // (xmax = 0) are counters.
    const string UpsertCounters = """
        with days as (
            insert into control.usage_day as d (tenant_id, day, revision) select distinct $1, day, 1 from unnest($2::date[]) day
            on conflict (tenant_id, day) do update set revision = d.revision + 1
        ), counters as (
            insert into control.usage_counter as c (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            select $1, i.* from unnest($2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::numeric[])
                as i (day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            order by day, model, user_id
            on conflict (tenant_id, day, model, user_id) do update set
                requests = c.requests + excluded.requests, prompt_tokens = c.prompt_tokens + excluded.prompt_tokens,
                completion_tokens = c.completion_tokens + excluded.completion_tokens, cost = c.cost + excluded.cost
            returning c.xmax = 0 as is_new, 1 + octet_length(c.user_id) / $11 as units
        )
        insert into control.usage_received as r (tenant_id, day, events, counters)
        select $1, $9, $10, coalesce(sum(units) filter (where is_new), 0) from counters
        on conflict (tenant_id, day) do update set events = r.events + excluded.events, counters = r.counters + excluded.counters
        """;

    const string UpdateBudgets = $"""
        with counted as (
            select * from unnest($2::date[], $3::date[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[])
                as t (day, period_start, tokens, feature, quantity, reservation_id)
        ), {BudgetSql.CountAndSettle}
        select count(*) from change
        """;
}
