using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class KeyJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task A_key_is_shown_once_and_works_until_it_is_revoked()
    {
        var tenant = await _server.CreateTenantAsync();
        var created = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "reports" })).ReadAsync();
        var key = created.GetProperty("key").GetString()!;
        using var reports = _server.NewClient(key);

        var listed = await (await reports.GetAsync("/v1/keys")).Content.ReadAsStringAsync();
        Assert.Contains("\"reports\"", listed, StringComparison.Ordinal);
        Assert.DoesNotContain(key, listed, StringComparison.Ordinal);

        var address = $"/v1/keys/{created.GetProperty("id").GetGuid()}";
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync(address)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync(address)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await reports.GetAsync("/v1/keys")).StatusCode);
    }

    [Fact]
    public async Task A_member_of_one_tenant_cannot_read_anothers_keys()
    {
        var mine = await _server.CreateTenantAsync();
        var theirs = await _server.CreateTenantAsync();
        var key = (await ItemsAsync(theirs))[0].GetProperty("id").GetGuid();

        Assert.DoesNotContain(await ItemsAsync(mine), item => item.GetProperty("id").GetGuid() == key);
        Assert.Equal(HttpStatusCode.NotFound, (await mine.Http.DeleteAsync($"/v1/keys/{key}")).StatusCode);
        Assert.Single(await ItemsAsync(theirs));

        // Row-level security also protects a query that does not filter by tenant.
        await using var transaction = await _server.Database.BeginAsync(mine.Id, CancellationToken.None);
        Assert.Equal(0, await transaction.ExecuteAsync("update control.tenant_key set revoked_at = now() where id = $1", CancellationToken.None, key));
        Assert.Equal(
            [mine.Id], await transaction.QueryAsync("select distinct tenant_id from control.tenant_key", row => row.GetGuid(0), CancellationToken.None));
        await Assert.ThrowsAsync<PostgresException>(() => transaction.ExecuteAsync(
            "insert into control.webhook_secret (id, tenant_id, ciphertext, created_at) values (gen_random_uuid(), $1, '', now())", CancellationToken.None, theirs.Id));
    }

    [Fact]
    public async Task A_rotated_webhook_secret_stays_valid_for_a_day()
    {
        var tenant = await _server.CreateTenantAsync();
        var rotated = await (await tenant.Http.PostAsync("/v1/webhook-secret/rotate", content: null)).ReadAsync();

        Assert.Equal([rotated.GetProperty("webhook_secret").GetString()!, tenant.WebhookSecret], await ValidAsync(tenant.Id));
        var until = rotated.GetProperty("previous_valid_until").GetDateTimeOffset() - _server.Clock.Wall;
        Assert.InRange(until, TimeSpan.FromHours(23.9), TimeSpan.FromHours(24.1));

        await using (var job = await _server.Database.BeginJobAsync(CancellationToken.None))
        {
            await job.ExecuteAsync(
                "update control.webhook_secret set expires_at = now() where tenant_id = $1 and expires_at is not null", CancellationToken.None, tenant.Id);
            await job.CommitAsync(CancellationToken.None);
        }

        Assert.Equal([rotated.GetProperty("webhook_secret").GetString()!], await ValidAsync(tenant.Id));
    }

    [Fact]
    public async Task Concurrent_rotations_leave_one_secret_without_an_expiry()
    {
        var tenant = await _server.CreateTenantAsync();
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => tenant.Http.PostAsync("/v1/webhook-secret/rotate", content: null)));

        await using var transaction = await _server.Database.BeginAsync(tenant.Id, CancellationToken.None);
        Assert.Equal(1L, await transaction.ScalarAsync<long>("select count(*) from control.webhook_secret where expires_at is null", CancellationToken.None));
        Assert.Equal(11L, await transaction.ScalarAsync<long>("select count(*) from control.webhook_secret", CancellationToken.None));
    }

    [Fact]
    public async Task A_tenant_created_by_an_operator_is_active_at_once_and_created_once()
    {
        var slug = Names.Random("t");
        var body = new { organization = "Example", slug, plan = "enterprise", email = $"owner@{slug}.example", country = "FR", price_eur_per_month = 900.5 };
        var replies = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _server.Operator.PostAsJsonAsync("/v1/admin/tenants", body)));

        var created = await Assert.Single(replies, reply => reply.StatusCode == HttpStatusCode.Created).ReadAsync();
        Assert.Equal(4, replies.Count(reply => reply.StatusCode == HttpStatusCode.Conflict));
        using var key = _server.NewClient(created.GetProperty("api_key").GetString());
        Assert.Equal(HttpStatusCode.OK, (await key.GetAsync("/v1/keys")).StatusCode);

        var sameAddress = await _server.Operator.PostAsJsonAsync("/v1/admin/tenants", body with { slug = Names.Random("t") });
        Assert.Equal(HttpStatusCode.Conflict, sameAddress.StatusCode);
        Assert.True((await sameAddress.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty("email", out _));

        var fixedPrice = await _server.Operator.PostAsJsonAsync("/v1/admin/tenants", body with { plan = "basic" });
        Assert.True((await fixedPrice.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty("price_eur_per_month", out _));
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.Anonymous.PostAsJsonAsync("/v1/admin/tenants", body)).StatusCode);
    }

    [Fact]
    public async Task A_list_of_tenants_is_read_page_by_page()
    {
        var created = new List<Guid>();
        for (var i = 0; i < 5; i++)
        {
            created.Add((await _server.CreateTenantAsync()).Id);
        }

        var seen = new List<Guid>();
        string? cursor = null;
        do
        {
            var page = await (await _server.Operator.GetAsync($"/v1/admin/tenants?limit=2{(cursor is null ? "" : $"&cursor={cursor}")}")).ReadAsync();
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("tenant_id").GetGuid()));
            cursor = page.TryGetProperty("next_cursor", out var next) ? next.GetString() : null;
        }
        while (cursor is not null);

        Assert.Equal(seen.Distinct(), seen);
        Assert.Equal(created.AsEnumerable().Reverse(), seen.Where(created.Contains));
    }

    static async Task<List<JsonElement>> ItemsAsync(TestTenant tenant) =>
        [.. (await (await tenant.Http.GetAsync("/v1/keys")).ReadAsync()).GetProperty("items").EnumerateArray()];

    async Task<List<string>> ValidAsync(Guid tenant)
    {
        await using var transaction = await _server.Database.BeginAsync(tenant, CancellationToken.None);
        var raw = await transaction.ValidAsync(_server.Services.GetRequiredService<SecretBox>(), tenant, CancellationToken.None);
        return [.. raw.Select(secret => $"whsec_{Convert.ToBase64String(secret)}")];
    }
}
