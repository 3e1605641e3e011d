using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>What any client can make the process look up in the database delays no other client by more than its turn.</summary>
public sealed class LookUpJourneys : IAsyncLifetime
{
    const string Stranger = "192.0.2.66", Gateway = "192.0.2.1";
    const int Invented = 2_000;

    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _tenant = await _server.CreateTenantAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_of_another_network_is_found_before_most_of_the_keys_that_one_client_invents(bool isKnown)
    {
        var find = _server.Services.GetRequiredService<FindTenantKey>();
        var hash = Credentials.Hash(_tenant.ApiKey);
        if (isKnown)
        {
            await find.RunAsync(hash, Gateway, default);
        }

        var (invented, found) = await LockedAsync("tenant_key", () => (
            Enumerable.Range(0, Invented).Select(n => find.RunAsync(Credentials.Hash($"cpt_{n}"), Stranger, default)).ToList(),
            // Behind the same address as the stranger, a tenant has a turn of its own once its key has been found.
            find.RunAsync(hash, isKnown ? Stranger : Gateway, default)));

        Assert.Equal(_tenant.Id, (await found.WaitAsync(Deadline))!.Tenant);
        Assert.InRange(invented.Count(lookup => lookup.IsCompleted), 0, Invented / 2);
        Assert.All(await Task.WhenAll(invented), Assert.Null);
    }

    [Fact]
    public async Task A_revoked_key_takes_turns_with_the_keys_that_its_network_invents()
    {
        var find = _server.Services.GetRequiredService<FindTenantKey>();
        var hash = Credentials.Hash(_tenant.ApiKey);
        Assert.NotNull(await find.RunAsync(hash, Stranger, default));
        await _server.SqlAsync("update control.tenant_key set revoked_at = now() where tenant_id = $1", _tenant.Id);
        Assert.Null(await find.RunAsync(hash, Stranger, default));

        var (invented, revoked) = await LockedAsync("tenant_key", () => (
            Enumerable.Range(0, Invented).Select(n => find.RunAsync(Credentials.Hash($"cpt_{n}"), Stranger, default)).ToList(),
            find.RunAsync(hash, Stranger, default)));

        Assert.Null(await revoked.WaitAsync(Deadline));
        Assert.InRange(invented.Count(lookup => lookup.IsCompleted), Invented / 2, Invented);
        await Task.WhenAll(invented);
    }

    [Fact]
    public async Task A_mailed_link_of_another_network_is_found_before_most_of_the_links_that_one_client_invents()
    {
        var links = _server.Services.GetRequiredService<MailedLinks>();
        var person = Person.New();
        await person.SendAsync(_server);
        var token = Person.TokenOf(await person.LinkAsync(_server, "/v1/verify"));
        var (invented, found) = await LockedAsync("member_token", () => (
            Enumerable.Range(0, Invented).Select(n => links.KeyOfAsync($"invented{n}", Stranger, default)).ToList(),
            links.KeyOfAsync(token, Gateway, default)));

        Assert.NotNull(await found.WaitAsync(Deadline));
        Assert.InRange(invented.Count(lookup => lookup.IsCompleted), 0, Invented / 2);
        Assert.All(await Task.WhenAll(invented), Assert.Null);
    }

    [Fact]
    public async Task The_links_that_one_client_invents_are_looked_up_a_few_at_a_time_on_one_connection()
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        List<Task<HttpResponseMessage>> invented;
        await using (var locking = await owner.BeginTransactionAsync())
        {
            await owner.ExecuteAsync("lock table control.member_token in access exclusive mode", default);
            invented = [.. Enumerable.Range(0, 40).Select(n => _server.Anonymous.PostAsJsonAsync("/v1/verify", new { token = $"invented{n}" }))];
            while (await WaitingAsync() == 0 || invented.Count(request => request.IsCompleted) < 24)
            {
                await Task.Delay(20);
            }

            Assert.Equal(1, await WaitingAsync());
            await locking.RollbackAsync();
        }

        var statuses = (await Task.WhenAll(invented)).Select(reply => reply.StatusCode).ToList();
        Assert.Equal((16, 24), (statuses.Count(status => status == HttpStatusCode.NotFound), statuses.Count(status => status == HttpStatusCode.TooManyRequests)));
    }

    [Fact]
    public async Task The_secrets_of_a_tenant_are_found_before_most_of_those_that_one_client_asks_for()
    {
        var find = _server.Services.GetRequiredService<FindWebhookSecrets>();
        var (invented, found) = await LockedAsync("webhook_secret", () => (
            Enumerable.Range(0, Invented).Select(_ => find.RunAsync(Ids.New(_server.Clock), Stranger, default)).ToList(),
            find.RunAsync(_tenant.Id, Gateway, default)));

        Assert.Single(await found.WaitAsync(Deadline));
        Assert.InRange(invented.Count(lookup => lookup.IsCompleted), 0, Invented / 2);
        Assert.All(await Task.WhenAll(invented), Assert.Empty);
    }

    [Fact]
    public async Task Many_requests_whether_the_process_is_ready_use_one_connection()
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await using (var locking = await owner.BeginTransactionAsync())
        {
            await owner.ExecuteAsync("lock table public.control_schema_versions in access exclusive mode", default);
            var requests = Enumerable.Range(0, 60).Select(_ => _server.Anonymous.GetAsync("/readyz")).ToList();
            while (await WaitingAsync() == 0)
            {
                await Task.Delay(20);
            }

            Assert.Equal(HttpStatusCode.OK, (await _tenant.Http.GetAsync("/v1/keys")).StatusCode);
            Assert.Equal(1, await WaitingAsync());
            Assert.DoesNotContain(requests, request => request.IsCompleted);
            await locking.RollbackAsync();
            Assert.All(await Task.WhenAll(requests), reply => Assert.Equal(HttpStatusCode.OK, reply.StatusCode));
        }
    }

    /// <summary>Sends while the table is locked, so that all but the first wait for their turn, and then unlocks it.</summary>
    async Task<T> LockedAsync<T>(string table, Func<T> send)
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await using var locking = await owner.BeginTransactionAsync();
        await owner.ExecuteAsync($"lock table control.{table} in access exclusive mode", default);
        var sent = send();
        while (await WaitingAsync() == 0)
        {
            await Task.Delay(20);
        }

        await locking.RollbackAsync();
        return sent;
    }

    /// <returns>Connections of tenant-facing code that wait for a lock.</returns>
    async Task<long> WaitingAsync()
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        return await owner.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'control_app' and wait_event_type = 'Lock'", default);
    }
}
