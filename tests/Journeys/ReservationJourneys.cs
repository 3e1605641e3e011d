namespace ControlPlane.Tests;

/// <summary>Reservations: made once per request, settled by the event that names them, expired by themselves.</summary>
public sealed class ReservationJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset Tomorrow = new(2026, 1, 16, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: Now);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Twenty_concurrent_requests_with_one_id_reserve_once_and_get_one_answer()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => tenant.AuthorizeAsync(1_000, request: "r1")));

        var answer = Assert.Single(answers.Distinct());
        Assert.True(answer.Allow);
        Assert.Equal(1_000, (await tenant.LimitAsync()).Reserved);
        await _server.ReportAsync(tenant, Deliveries.Event("e1", Now, 40_000, 0, reservation_id: answer.Reservation));
        Assert.Equal(answer, await tenant.AuthorizeAsync(30_000, request: "r1"));
        Assert.Equal("daily_limit", (await tenant.AuthorizeAsync(30_000, request: "r2")).Reason);

        // A denial has reserved nothing, and is decided anew.
        await _server.MoveClockAsync(Tomorrow);
        Assert.True((await tenant.AuthorizeAsync(30_000, request: "r2")).Allow);
    }

    [Theory]
    [InlineData(10, 20)]
    [InlineData(500, 500)]
    [InlineData(4_000, 5_000)]
    public async Task The_event_that_names_a_reservation_settles_it_whatever_its_usage(long prompt, long completion)
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var reservation = (await tenant.AuthorizeAsync(1_000)).Reservation;
        var usage = Deliveries.Event("e1", Now, prompt, completion, reservation_id: reservation);

        var replies = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _server.ReportAsync(tenant, usage).CountsAsync()));
        Assert.Equal(1, replies.Sum(r => r.Accepted));
        // A second event of the same call is also counted, and releases nothing.
        await _server.ReportAsync(tenant, Deliveries.Event("e2", Now, 1, 1, reservation_id: reservation));

        Assert.Equal(new LimitState(50_000, prompt + completion + 2, 0, 50_000 - prompt - completion - 2), await tenant.LimitAsync());
    }

    [Fact, Trait("Category", "Quick")]
    public async Task Usage_beyond_the_estimate_is_counted_in_full_and_the_next_call_is_denied()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var reservation = (await tenant.AuthorizeAsync(100)).Reservation;
        await _server.ReportAsync(tenant, Deliveries.Event("e1", Now, 60_000, 0, reservation_id: reservation));

        Assert.Equal(new LimitState(50_000, 60_000, 0, 0), await tenant.LimitAsync());
        Assert.Equal(("daily_limit", Tomorrow), (await tenant.AuthorizeAsync(1)).Denial);
    }

    [Fact]
    public async Task A_reservation_expires_and_usage_that_is_late_or_without_reservation_still_counts()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var first = await tenant.AuthorizeAsync(50_000);
        Assert.False((await tenant.AuthorizeAsync(1)).Allow);
        await _server.MoveClockAsync(Now.AddMinutes(10));

        Assert.Equal(new LimitState(50_000, 0, 0, 50_000), await tenant.LimitAsync());
        var second = await tenant.AuthorizeAsync(50_000);
        Assert.True(second.Allow);
        await _server.ReportAsync(tenant, Deliveries.Event("late", Now, 700, 0, reservation_id: first.Reservation), Deliveries.Event("unreserved", Now, 300, 0));
        Assert.Equal(new LimitState(50_000, 1_000, 50_000, 0), await tenant.LimitAsync());
        await _server.ReportAsync(tenant, Deliveries.Event("e2", Now, 9_000, 0, reservation_id: second.Reservation));
        Assert.Equal(new LimitState(50_000, 10_000, 0, 40_000), await tenant.LimitAsync());
    }

    [Fact]
    public async Task A_call_that_runs_past_midnight_does_not_count_against_the_next_day()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        await _server.MoveClockAsync(Tomorrow.AddMinutes(-1));
        var before = await tenant.AuthorizeAsync(50_000);
        await _server.MoveClockAsync(Tomorrow.AddMinutes(1));
        var after = await tenant.AuthorizeAsync(50_000);
        Assert.True(after.Allow);

        await _server.ReportAsync(tenant, Deliveries.Event("e1", Tomorrow.AddMinutes(1), 50_000, 0, reservation_id: before.Reservation));

        Assert.Equal(new LimitState(50_000, 0, 50_000, 0), await tenant.LimitAsync());
        Assert.Equal(new LimitState(1_000_000, 50_000, 50_000, 900_000), await tenant.LimitAsync("tokens_per_month"));
    }

    [Fact]
    public async Task A_thousand_concurrent_requests_are_allowed_exactly_up_to_the_limit()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(n => tenant.AuthorizeAsync(70, user: $"u{n % 9}")));

        var allowed = answers.Where(a => a.Allow).ToList();
        Assert.Equal(50_000 / 70, allowed.Count);
        Assert.All(answers.Where(a => !a.Allow), denied => Assert.Equal("daily_limit", denied.Reason));
        Assert.Equal(new LimitState(50_000, 0, allowed.Count * 70, 50_000 % 70), await tenant.LimitAsync());

        // Half of the calls report their usage; the others never do.
        var reported = allowed.Where((_, n) => n % 2 == 0).ToList();
        await Task.WhenAll(reported.Chunk(10).Select((chunk, c) => _server.ReportAsync(
            tenant, [.. chunk.Select((a, n) => Deliveries.Event($"e{c}-{n}", Now, 30, 20, reservation_id: a.Reservation))])));
        await _server.MoveClockAsync(Now.AddMinutes(10));

        Assert.Equal(new LimitState(50_000, reported.Count * 50, 0, 50_000 - (reported.Count * 50)), await tenant.LimitAsync());
        Assert.True((await tenant.AuthorizeAsync(50_000 - (reported.Count * 50))).Allow);
        Assert.Equal(50_000 - (reported.Count * 50), await _server.ReadAsync<long>(
            "select reserved from control.budget where tenant_id = $1 and span = 'day'", tenant.Id));
    }
}
