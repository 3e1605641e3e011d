using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>However many reservations a tenant holds, and whatever it requests then, the batches that it shares with other tenants stay small.</summary>
public sealed class HeldReservationJourneys : IAsyncLifetime
{
    const int MaxHeld = 3;

    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _busy = null!;
    TestTenant _free = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_LIMIT_RESERVATIONS", $"{MaxHeld}")]);
        (_busy, _free) = (await _server.CreateReadyTenantAsync(), await _server.CreateReadyTenantAsync());
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_tenant_holds_so_many_reservations_at_the_same_time_and_further_calls_are_denied_until_one_ends()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _busy.AuthorizeAsync(0)));

        var allowed = answers.Where(answer => answer.Allow).ToList();
        Assert.Equal(MaxHeld, allowed.Count);
        Assert.All(answers.Except(allowed), denied => Assert.Equal(("reservation_limit", Now.AddMinutes(10)), denied.Denial));
        Assert.Equal("reservation_limit", (await _busy.AuthorizeAsync(0, request: "r1")).Reason);
        Assert.Equal(MaxHeld, await _server.ReadAsync<long>("select count(*) from control.authorization_answer"));
        Assert.True((await _free.AuthorizeAsync(0)).Allow);

        await _server.ReportAsync(_busy, Deliveries.Event("e1", Now, 1, 1, reservation_id: allowed[0].Reservation));
        Assert.True((await _busy.AuthorizeAsync(0, request: "r1")).Allow);
        await _server.MoveClockAsync(Now.AddMinutes(10));
        Assert.True((await _busy.AuthorizeAsync(0)).Allow);
    }

    [Fact]
    public async Task Many_expired_reservations_are_released_in_pieces_apart_from_other_tenants()
    {
        const int held = 200_000;
        await _busy.AuthorizeAsync(0);
        await HoldAsync(held, Now.AddMinutes(-20));
        await _server.SqlAsync("update control.budget set reserved = $2 where tenant_id = $1", _busy.Id, (long)held);

        for (long left = held; left > 0;)
        {
            var mine = _busy.AuthorizeAsync(0);
            Assert.True((await _free.AuthorizeAsync(0)).Allow);
            await mine;
            await EndCallsAsync();

            var released = left - await HeldAsync();
            Assert.InRange(released, 1, 25_000);
            left -= released;
            // What is not released yet stays counted.
            Assert.Equal((left, left), (await ReservedAsync("day"), await ReservedAsync("period")));
        }
    }

    [Fact]
    public async Task Expired_reservations_of_idle_tenants_are_released_in_pieces_by_the_nightly_job()
    {
        await _busy.AuthorizeAsync(0);
        await EndCallsAsync();
        await HoldAsync(25_000, Now.AddMinutes(-20));
        await _server.SqlAsync("update control.budget set reserved = 25000 where tenant_id = $1", _busy.Id);

        var report = await _server.Services.GetRequiredService<ExpireReservations>().RunAsync(default);

        Assert.Equal(25_000, report.Counts["reservations_expired"]);
        Assert.Equal((0, 0), (await HeldAsync(), await ReservedAsync("day")));
    }

    [Theory]
    [InlineData("a quantity that never fits", "web_search", 1_000_000_000, 1)]
    [InlineData("a quantity that does not fit now", "web_search", 60, 2)]
    [InlineData("a limited user", null, 0, 2)]
    public async Task A_batch_of_denials_reads_the_held_reservations_once_or_twice_and_not_once_per_request(string what, string? feature, long quantity, int times)
    {
        const int held = 4_000, requests = 100;
        await _busy.AuthorizeAsync(0, feature: "web_search", quantity: 1);
        await HoldAsync(held, Now.AddMinutes(5));
        await _server.SqlAsync("update control.budget set reserved = 100 where tenant_id = $1 and meter = 'feature:web_search'", _busy.Id);
        await _server.SqlAsync("insert into control.user_limit (tenant_id, user_id, tokens_per_day, updated_at) values ($1, 'u1', 1, now())", _busy.Id);
        var batch = JsonSerializer.Serialize(Enumerable.Range(0, requests).Select(n => new
        {
            key = Convert.ToHexString(Credentials.Hash(_busy.ApiKey)),
            reservation = Ids.New(_server.Clock),
            request_id = $"r{n}",
            user = feature is null ? "u1" : "u2",
            model = "mistral:7b-instruct",
            estimated_tokens = feature is null ? 1 : 0,
            feature,
            quantity,
            wait = false,
        }));

        await using var transaction = await _server.Database.BeginJobAsync(default);
        var denials = await transaction.QueryAsync(
            "select answer ->> 'reason' from control.authorize($1::jsonb, $2, interval '10 minutes')", row => row.Get<string>(0), default, batch, Now);
        var read = await transaction.ScalarAsync<long>(
            "select sum(pg_stat_get_xact_tuples_returned(indexrelid))::bigint from pg_index where indrelid = 'control.reservation'::regclass", default);

        Assert.All(denials, reason => Assert.Equal(feature is null ? "user_limit" : "feature_limit", reason));
        Assert.Equal(requests, denials.Count);
        Assert.True(read <= (times * held) + (held / 2), $"{what}: {read} entries read for {requests} requests");
    }

    [Fact]
    public async Task Tenants_take_turns_whatever_number_of_keys_each_of_them_uses()
    {
        const int keys = 600;
        await _server.SqlAsync(
            "insert into control.tenant_key (id, tenant_id, name, prefix, hash, created_at) select gen_random_uuid(), $1, 'k', 'cpt_', sha256(n::text::bytea), now() from generate_series(1, $2) n",
            _busy.Id, keys);
        var hashes = Enumerable.Range(1, keys).Select(n => System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes($"{n}"))).ToList();
        var free = Credentials.Hash(_free.ApiKey);
        await using var authorize = new Authorize(_server.Database, _server.Clock);
        await Task.WhenAll(hashes.Append(free).Select(key => SendAsync(key, "known")));
        Assert.Equal(_busy.Id, authorize.TenantOf(hashes[0]));

        Task<AuthorizationAnswer?> mine;
        List<Task<AuthorizationAnswer?>> others;
        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        await using (var maintenance = await owner.BeginTransactionAsync())
        {
            // Makes the next batch wait, so that the requests after it form a queue.
            await owner.ExecuteAsync("lock table control.authorization_answer in access exclusive mode", default);
            others = [SendAsync(hashes[0], "first")];
            await Task.Delay(200);
            others.AddRange(hashes.SelectMany(key => new[] { SendAsync(key, "second"), SendAsync(key, "third") }));
            mine = SendAsync(free, "mine");
            await Task.Delay(200);
        }

        Assert.True((await mine)!.Allow);
        await Task.WhenAll(others);
        // Each batch is a transaction.
        Assert.InRange(
            await _server.ReadAsync<long>(
                """
                select count(*) from control.authorization_answer a
                where a.request_id ~ '^(second|third)' and a.xmin::text::bigint < (select m.xmin::text::bigint from control.authorization_answer m where m.request_id ~ '^mine')
                """),
            0, 128);

        Task<AuthorizationAnswer?> SendAsync(byte[] key, string id) =>
            authorize.RunAsync(new AuthorizationRequest(key, $"{id} {Convert.ToHexString(key)}", "u1", "mistral:7b-instruct", 0, null, 0), default);
    }

    /// <summary>Reservations of the user u1 with one token each, which end from then on, a millisecond apart.</summary>
    Task HoldAsync(int count, DateTimeOffset from) => _server.SqlAsync(
        """
        insert into control.reservation (id, tenant_id, user_id, tokens, quantity, day, period_start, expires_at, state)
        select gen_random_uuid(), $1, 'u1', 1, 0, '2026-01-15', '2026-01-15', $3::timestamptz + make_interval(secs => n * 0.001), 'held' from generate_series(1, $2) n
        """, _busy.Id, count, from);

    /// <summary>Ends the calls that were authorized just now; those inserted above stay.</summary>
    Task EndCallsAsync() => _server.SqlAsync("update control.reservation set state = 'settled' where state = 'held' and tokens = 0");

    Task<long> HeldAsync() => _server.ReadAsync<long>("select count(*) from control.reservation where tenant_id = $1 and state = 'held'", _busy.Id);

    Task<long> ReservedAsync(string span) =>
        _server.ReadAsync<long>("select reserved from control.budget where tenant_id = $1 and meter = 'tokens' and span = $2", _busy.Id, span);
}
