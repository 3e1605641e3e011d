using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Locks of one tenant, held from outside, delay that tenant only, and not without a limit.</summary>
public sealed class BusyTenantJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    /// <summary>Of a request that is not delayed, on a slow machine. A locked tenant's request takes longer than any of its lock timeouts or fails.</summary>
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    TestServer _server = null!;
    TestTenant _busy = null!;
    TestTenant _free = null!;

    public async Task InitializeAsync()
    {
        // Without a spool, usage that cannot be counted is refused.
        _server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_SPOOL_LIMIT", "0")]);
        (_busy, _free) = (await _server.CreateReadyTenantAsync("enterprise"), await _server.CreateReadyTenantAsync("enterprise"));
        await Task.WhenAll(_busy.AuthorizeAsync(1), _free.AuthorizeAsync(1));
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Locked_budgets_delay_the_authorizations_of_their_own_tenant_only()
    {
        await using (var other = await _server.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("select from control.budget where tenant_id = $1 for update", default, _busy.Id);
            var waiting = Many(10, PostAuthorizeAsync, _busy);
            for (var n = 0; n < 10; n++)
            {
                // In one batch with a request of the locked tenant.
                waiting = [.. waiting, PostAuthorizeAsync(_busy)];
                Assert.True((await _free.AuthorizeAsync(1)).Allow);
                Assert.True(n > 0 || !waiting.Any(request => request.IsCompleted), "the free tenant waited as long as the locked one");
            }

            Assert.Equal(1, (await _server.ReportAsync(_free, Deliveries.Event("e1", Now)).CountsAsync()).Accepted);
            await Task.WhenAll(waiting.Select(RefusedAsync)).WaitAsync(Deadline);
        }

        Assert.True((await _busy.AuthorizeAsync(1)).Allow);
    }

    [Fact]
    public async Task Plan_changes_that_wait_for_their_tenant_leave_the_connections_of_jobs_to_others()
    {
        await using var other = await _server.Database.BeginJobAsync(default);
        await other.ExecuteAsync(BillingLock.Acquire, default, _busy.Id);
        var waiting = Many(40, tenant => tenant.Http.PostAsJsonAsync("/v1/subscription/plan", new { plan = "premium", preview = true }), _busy);
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        var most = 0L;
        while (!waiting.Any(request => request.IsCompleted))
        {
            most = Math.Max(most, await owner.ScalarAsync<long>("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%billing %'", default));
        }

        Assert.InRange(most, 1, 4);
        using var reply = await _server.Operator.GetAsync("/v1/admin/tenants");
        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        await other.CommitAsync(default);
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task The_first_authorization_of_a_window_waits_for_the_transaction_that_opens_it_apart_from_others()
    {
        var fresh = await _server.CreateReadyTenantAsync();
        await using (var other = await _server.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("insert into control.budget (tenant_id, meter, span, starts) values ($1, 'tokens', 'day', '2026-01-15')", default, fresh.Id);
            var waiting = PostAuthorizeAsync(fresh);
            Assert.True((await _free.AuthorizeAsync(1)).Allow);
            await RefusedAsync(waiting).WaitAsync(Deadline);
        }

        Assert.True((await fresh.AuthorizeAsync(1)).Allow);
    }

    [Fact]
    public async Task A_locked_tenants_usage_waits_without_delaying_others_or_using_up_the_connections()
    {
        var first = Batch("first", 5_000);
        Assert.Equal(5_000, (await _server.PostSignedAsync(_busy, first).CountsAsync()).Accepted);
        await using (var invoicing = await _server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, _busy.Id);
            var waiting = Many(200, tenant => _server.ReportAsync(tenant, Deliveries.Event(Names.Random("e"), Now)), _busy);
            waiting = [.. waiting, .. Many(2, tenant => _server.PostSignedAsync(tenant, first), _busy)];
            for (var n = 0; n < 5; n++)
            {
                Assert.Equal(1, (await _server.ReportAsync(_free, Deliveries.Event($"single-{n}", Now)).CountsAsync()).Accepted);
                Assert.Equal(100, (await _server.PostSignedAsync(_free, Batch($"batch-{n}", 100)).CountsAsync()).Accepted);
                Assert.True((await _free.AuthorizeAsync(1)).Allow);
                Assert.Equal(HttpStatusCode.OK, (await _server.Anonymous.GetAsync("/readyz")).StatusCode);
                Assert.InRange(await WaitingAsync(), 0, 2);
            }

            await Task.WhenAll(waiting.Select(RefusedAsync)).WaitAsync(Deadline);
            Assert.False(_server.Services.GetRequiredService<DatabaseCircuit>().IsOpen);
        }

        Assert.Equal(5_000, (await _server.PostSignedAsync(_busy, first).CountsAsync()).Duplicates);
        Assert.Equal(1, (await _server.ReportAsync(_busy, Deliveries.Event("after", Now)).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task A_delivery_that_compares_and_quarantines_does_not_delay_its_own_tenants_authorizations()
    {
        await _server.ReportAsync(_busy, Deliveries.Event("e0", Now));
        var conflict = Deliveries.Event("e0", Now, prompt: 1);
        Assert.Equal(["conflict"], (await _server.ReportAsync(_busy, conflict).CountsAsync()).Codes);
        await using var replay = await _server.Database.BeginJobAsync(default);
        await replay.ExecuteAsync("select from control.quarantine where tenant_id = $1 for update", default, _busy.Id);

        var delivery = _server.ReportAsync(_busy, [conflict, .. Enumerable.Range(1, 100).Select(n => Deliveries.Event($"e{n}", Now))]);
        await UntilAsync(async () => await WaitingAsync() == 1);
        Assert.True((await _busy.AuthorizeAsync(1)).Allow);
        Assert.False(delivery.IsCompleted);
        await replay.DisposeAsync();

        var (accepted, _, codes) = await delivery.CountsAsync();
        Assert.Equal(100, accepted);
        Assert.Equal(["conflict"], codes);
    }

    [Fact]
    public async Task Large_deliveries_beyond_what_one_tenant_may_have_in_progress_are_refused_with_429_and_the_others_are_counted()
    {
        // Two of them fit into what one tenant may have in progress.
        var bodies = Enumerable.Range(0, 3).Select(n => Batch($"b{n}", 100, padding: 115_000)).ToList();
        Task<HttpResponseMessage> first;
        Task<HttpResponseMessage>[] others;
        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        {
            // Not a lock, which times out after four seconds: on a busy machine the other deliveries may take as long to arrive.
            await owner.ExecuteAsync(WaitForTest, default);
            await owner.ExecuteAsync(
                $"create trigger wait_for_test before insert on control.usage_event for each row when (new.tenant_id = '{_busy.Id}') execute function control.wait_for_test()", default);
            await owner.ExecuteAsync("select pg_advisory_lock(4711)", default);
            first = _server.PostSignedAsync(_busy, bodies[0]);
            await UntilAsync(() => owner.ScalarAsync<bool>("select exists (select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep')", default));
            others = [.. bodies.Skip(1).Select(body => _server.PostSignedAsync(_busy, body))];

            using var refused = await await Task.WhenAny([first, .. others]).WaitAsync(Deadline);
            Assert.Equal((HttpStatusCode.TooManyRequests, true), (refused.StatusCode, refused.Headers.RetryAfter?.Delta is not null));
            Assert.Equal(100, (await _server.PostSignedAsync(_free, Batch("b", 100)).CountsAsync()).Accepted);
            await owner.ExecuteAsync("select pg_advisory_unlock(4711)", default);
        }

        var replies = await Task.WhenAll([first, .. others]).WaitAsync(Deadline);
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.TooManyRequests], replies.Select(reply => reply.StatusCode).Order());
        Assert.Equal(200, await _server.ReadAsync<long>("select count(*) from control.usage_event where tenant_id = $1", _busy.Id));
    }

    [Fact]
    public async Task Look_ups_of_a_tenants_secrets_that_any_client_can_cause_use_up_no_connections_of_that_tenant()
    {
        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        {
            await using var locking = await owner.BeginTransactionAsync();
            await owner.ExecuteAsync("lock table control.webhook_secret in access exclusive mode", default);
            var waiting = Many(40, tenant => _server.PostSignedAsync(tenant, "[]", secret: _free.WebhookSecret), _busy);
            await UntilAsync(async () => await WaitingAsync() > 0);

            for (var n = 0; n < 10; n++)
            {
                Assert.Equal(HttpStatusCode.OK, (await _busy.Http.GetAsync("/v1/keys")).StatusCode);
                Assert.True((await _busy.AuthorizeAsync(1)).Allow);
                Assert.Equal(1, (await _busy.PostAsync(JsonSerializer.Serialize(Deliveries.Event($"e{n}", Now))).CountsAsync()).Accepted);
                Assert.Equal(1, await WaitingAsync());
            }

            Assert.DoesNotContain(waiting, request => request.IsCompleted);
            await locking.RollbackAsync();
            Assert.All(await Task.WhenAll(waiting), reply => Assert.Equal(HttpStatusCode.Unauthorized, reply.StatusCode));
        }

        Assert.Equal(1, (await _server.ReportAsync(_busy, Deliveries.Event("signed", Now)).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task Requests_that_wait_for_a_locked_tenant_leave_connections_for_the_others()
    {
        await using (var other = await _server.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("select from control.tenant where id = $1 for update", default, _busy.Id);
            using var leaving = new CancellationTokenSource();
            var waiting = Enumerable.Range(0, 70).Select(_ => _busy.Http.PostAsync("/v1/webhook-secret/rotate", null, leaving.Token)).ToArray();
            await UntilAsync(async () => await WaitingAsync() >= 5);

            Assert.Equal(HttpStatusCode.OK, (await _free.Http.GetAsync("/v1/keys").WaitAsync(Deadline)).StatusCode);
            Assert.True((await _free.AuthorizeAsync(1)).Allow);
            Assert.Equal(1, (await _server.ReportAsync(_free, Deliveries.Event("e1", Now)).CountsAsync()).Accepted);
            Assert.InRange(await WaitingAsync(), 1, 10);

            // Callers that have left free their connections.
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting));
            await UntilAsync(async () => await WaitingAsync() == 0);
        }
    }

    [Fact]
    public async Task A_quarantine_whose_size_is_being_measured_delays_its_own_tenant_only()
    {
        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        await using (var maintenance = await owner.BeginTransactionAsync())
        {
            await owner.ExecuteAsync("lock table control.quarantine in access exclusive mode", default);
            Task<HttpResponseMessage>[] waiting = [];
            for (var n = 0; n < 10; n++)
            {
                waiting = [.. waiting, _server.ReportAsync(_busy, new { id = $"broken-{n}" })];
                Assert.Equal(1, (await _server.ReportAsync(_free, Deliveries.Event($"e{n}", Now)).CountsAsync()).Accepted);
                Assert.True(n > 0 || !waiting.Any(request => request.IsCompleted), "the free tenant waited as long as the measured one");
            }

            await Task.WhenAll(waiting.Select(RefusedAsync)).WaitAsync(Deadline);
        }

        Assert.Equal(["malformed"], (await _server.ReportAsync(_busy, new { id = "broken" }).CountsAsync()).Codes);
    }

    /// <returns>Connections of tenant-facing code that wait for a lock.</returns>
    async Task<long> WaitingAsync()
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        return await owner.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'control_app' and wait_event_type = 'Lock'", default);
    }

    static Task<HttpResponseMessage> PostAuthorizeAsync(TestTenant tenant) =>
        tenant.PostAuthorizeAsync(new { request_id = Names.Random("r"), user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 });

    static Task<HttpResponseMessage>[] Many(int count, Func<TestTenant, Task<HttpResponseMessage>> send, TestTenant tenant) =>
        [.. Enumerable.Range(0, count).Select(_ => send(tenant))];

    static async Task RefusedAsync(Task<HttpResponseMessage> sent)
    {
        using var reply = await sent;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
        Assert.NotNull(reply.Headers.RetryAfter?.Delta);
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var timeout = new CancellationTokenSource(Deadline);
        while (!await condition())
        {
            await Task.Delay(50, timeout.Token);
        }
    }

    /// <param name="padding">Spaces in each event.</param>
    static string Batch(string name, int count, int padding = 0) =>
        $"[{string.Join(',', Enumerable.Range(0, count).Select(n => JsonSerializer.Serialize(Deliveries.Event($"{name}-{n}", Now)).Insert(1, new string(' ', padding))))}]";

    const string WaitForTest = """
        create function control.wait_for_test() returns trigger language plpgsql as $$
        begin
            while not pg_try_advisory_xact_lock_shared(4711) loop perform pg_sleep(0.05); end loop;
            return new;
        end $$
        """;
}
