using System.Collections.Concurrent;

namespace ControlPlane.Tests.Support.Budgets;

/// <summary>Runs a script on a real database, with the services of two processes, and checks the budgets after each group.</summary>
sealed class BudgetRun(TestServer server, Guid tenant, byte[] key, bool controlled) : IAsyncDisposable
{
    const string Model = "mistral:7b-instruct";

    readonly Authorize[] _authorize = [new(server.Database, server.Clock), new(server.Database, server.Clock)];
    readonly RecordUsage _record = server.Services.GetRequiredService<RecordUsage>();
    readonly List<(Guid Id, Operation.Request Request, DateTimeOffset At)> _allowed = [];
    readonly Dictionary<int, UsageEvent> _reported = [];
    int _sequence;

    /// <summary>Creates a tenant with small hard limits: 100 tokens per day, 260 per period, 3 files, 5 searches per period.</summary>
    public static async Task<BudgetRun> StartAsync(TestServer server, bool controlled)
    {
        var tenant = await server.CreateReadyTenantAsync("trial");
        await server.SqlAsync("update control.subscription set trial_ends_at = null where tenant_id = $1", tenant.Id);
        await server.SqlAsync(
            """
            insert into control.budget_override (tenant_id, tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, reason, updated_at)
            values ($1, 100, 260, 3, 5, 'test', now())
            """,
            tenant.Id);
        return new BudgetRun(server, tenant.Id, Credentials.Hash(tenant.ApiKey), controlled);
    }

    /// <returns>The first violation; null when there is none.</returns>
    public async Task<string?> RunAsync(IReadOnlyList<Group> script)
    {
        foreach (var (group, n) in script.Select((group, n) => (group, n)))
        {
            await AdvanceClockAsync(group.After);
            try
            {
                if ((await RunGroupAsync(group) ?? await FindViolationAsync()) is { } violation)
                {
                    return $"after group {n}: {violation}";
                }
            }
            catch (Npgsql.PostgresException e)
            {
                return $"in group {n}: {e.SqlState} {e.MessageText}";
            }
        }

        await AdvanceClockAsync(10);
        await ExpireAsync();
        var reserved = await server.ReadAsync<long>("select sum(reserved)::bigint from control.budget where tenant_id = $1", tenant);
        return await FindViolationAsync() ?? (reserved > 0 ? $"{reserved} are still reserved at the end" : null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var authorize in _authorize)
        {
            await authorize.DisposeAsync();
        }
    }

    async Task AdvanceClockAsync(int minutes) =>
        await server.Clock.MoveAsync(server.Database, server.Clock.GetUtcNow().AddMinutes(minutes), default);

    async Task<string?> RunGroupAsync(Group group)
    {
        // Without concurrent operations, the correct answer to a request is known.
        var before = group.Operations is [Operation.Request] ? await RemainingAsync() : null;
        var allowed = new ConcurrentBag<(Guid, Operation.Request, DateTimeOffset)>();
        await Task.WhenAll(group.Operations.Select(operation => operation switch
        {
            Operation.Request request => AuthorizeAsync(request, allowed),
            Operation.Settle settle => SettleAsync(settle),
            Operation.Use use => ReportAsync(NewEvent(use.Tokens, server.Clock.GetUtcNow().AddMinutes(-use.MinutesAgo), null)),
            _ => ExpireAsync(),
        }));
        _allowed.AddRange(allowed);
        if (before is not null && group.Operations[0] is Operation.Request requested)
        {
            var fits = before["tokens_per_day"] >= requested.Tokens && before["tokens_per_month"] >= requested.Tokens
                && (requested.Feature is null || before[requested.Feature == "rag_file" ? "rag_files" : "web_searches_per_month"] >= requested.Quantity);
            return fits == !allowed.IsEmpty ? null : $"{requested} was {(fits ? "denied though it fits" : "allowed")} with {string.Join(", ", before)}";
        }

        return null;
    }

    async Task<Dictionary<string, long?>> RemainingAsync()
    {
        await using var transaction = await server.Database.BeginAsync(tenant, default);
        return (await transaction.LimitsAsync(tenant, server.Clock.GetUtcNow(), default)).ToDictionary(
            l => l.Name, l => l.Used + l.Reserved > l.Maximum ? -1 : l.Remaining);
    }

    async Task AuthorizeAsync(Operation.Request request, ConcurrentBag<(Guid, Operation.Request, DateTimeOffset)> allowed)
    {
        var number = Interlocked.Increment(ref _sequence);
        var authorization = new AuthorizationRequest(key, $"r{number}", request.User, Model, request.Tokens, request.Feature, request.Quantity);
        // Every other request is sent to both processes, which must reserve the same or nothing. What was denied may fit a moment later.
        var answers = await Task.WhenAll(_authorize.Take(1 + (number % 2)).Select(authorize => authorize.RunAsync(authorization, default)));
        var reserved = answers.Where(answer => answer is { Allow: true }).Distinct().ToList();
        Assert.InRange(reserved.Count, 0, 1);
        if (reserved is [{ ReservationId: { } id }])
        {
            allowed.Add((id, request, server.Clock.GetUtcNow()));
        }
    }

    async Task SettleAsync(Operation.Settle settle)
    {
        UsageEvent usage;
        lock (_reported)
        {
            if (_allowed.Count == 0)
            {
                return;
            }

            var nth = settle.Nth % _allowed.Count;
            var (id, request, at) = _allowed[nth];
            if (!_reported.TryGetValue(nth, out usage!))
            {
                if (controlled && server.Clock.GetUtcNow() >= at + Authorize.ReservationLifetime)
                {
                    return;
                }

                usage = NewEvent(Math.Max(0, request.Tokens + settle.Over), server.Clock.GetUtcNow(), id) with { Feature = request.Feature, Quantity = request.Feature is null ? null : request.Quantity };
                _reported[nth] = usage;
            }
        }

        await Task.WhenAll(Enumerable.Range(0, settle.Deliveries).Select(_ => ReportAsync(usage)));
    }

    async Task ReportAsync(UsageEvent usage)
    {
        var reply = await _record.RunAsync(tenant, [new Submission(0, UsageFormat.Event, default, usage.Id, usage, null)], default);
        Assert.Equal(1, reply.Accepted + reply.Duplicates + reply.Rejected.Count(r => r.Code == Rejection.Codes.TooOld));
    }

    UsageEvent NewEvent(long tokens, DateTimeOffset at, Guid? reservation) => new()
    {
        Id = $"e{Interlocked.Increment(ref _sequence)}",
        OccurredAt = at,
        User = "u0",
        Model = Model,
        PromptTokens = tokens / 2,
        CompletionTokens = tokens - (tokens / 2),
        ReservationId = reservation,
    };

    // As in the nightly job, but without deleting reservations, because the budgets are compared with them.
    async Task ExpireAsync()
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        await transaction.ExecuteAsync("select control.lock_budget_rows($1, $2, null, null, null, true)", default, tenant, server.Clock.GetUtcNow());
        await transaction.ExecuteAsync("select control.release_expired($1, $2)", default, tenant, server.Clock.GetUtcNow());
        await transaction.CommitAsync(default);
    }

    Task<string?> FindViolationAsync() => server.ReadAsync<string>(Violation, tenant, controlled);

    // In every window, used is the sum of the events, reserved is the sum of the held reservations, and only unreserved usage exceeds a hard limit.
    const string Violation = """
        with event as (
            select e.id, r.id as reservation, coalesce(r.day, (e.occurred_at at time zone 'UTC')::date) as day,
                   coalesce(r.period_start, control.period_start(s.anchor, (e.occurred_at at time zone 'UTC')::date)) as period,
                   e.prompt_tokens + e.completion_tokens as tokens, e.feature, e.quantity,
                   e.prompt_tokens + e.completion_tokens - coalesce(r.tokens, 0) as over, e.quantity - coalesce(r.quantity, 0) as quantity_over
            from control.usage_event e join control.subscription s using (tenant_id)
            left join control.reservation r on r.id = e.reservation_id and r.state = 'settled' and (e.occurred_at at time zone 'UTC')::date <= (r.expires_at at time zone 'UTC')::date
            where e.tenant_id = $1
        ), expected as (
            select meter, span, starts, sum(used) as used, sum(reserved) as reserved, sum(unreserved) as unreserved from (
                select w.meter, w.span, w.starts, w.amount as used, 0 as reserved, 0 as unreserved
                from event e, control.windows_of(e.day, e.period, e.tokens, e.feature, e.quantity) w
                union all
                select w.meter, w.span, w.starts, 0, 0, greatest(0, w.amount) from event e, control.windows_of(e.day, e.period, e.over, e.feature, e.quantity_over) w
                union all
                select w.meter, w.span, w.starts, 0, w.amount, 0
                from control.reservation r, control.windows_of(r.day, r.period_start, r.tokens, r.feature, r.quantity) w where r.tenant_id = $1 and r.state = 'held'
            ) parts group by meter, span, starts
        )
        select concat_ws(' ', meter, span, starts, 'has', b.used, '+', b.reserved, 'should have', r.used, '+', r.reserved, 'unreserved', r.unreserved, 'of', l.maximum)
        from (select * from control.budget where tenant_id = $1) b full join expected r using (meter, span, starts)
        left join (values ('tokens', 'day', 100), ('tokens', 'period', 260), ('feature:rag_file', 'ever', 3), ('feature:web_search', 'period', 5))
            as l (meter, span, maximum) using (meter, span)
        where coalesce(b.used, 0) <> coalesce(r.used, 0) or coalesce(b.reserved, 0) <> coalesce(r.reserved, 0) or b.reserved < 0
           or b.used + b.reserved - coalesce(r.unreserved, 0) > l.maximum or ($2 and r.unreserved > 0)
        limit 1
        """;
}
