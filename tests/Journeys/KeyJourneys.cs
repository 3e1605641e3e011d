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

        await ExpirePreviousAsync(tenant);
        Assert.Equal([rotated.GetProperty("webhook_secret").GetString()!], await ValidAsync(tenant.Id));
    }

    [Fact]
    public async Task A_third_webhook_secret_within_a_day_is_refused_and_changes_nothing()
    {
        var tenant = await _server.CreateTenantAsync();
        var rotated = await (await RotateAsync(tenant)).ReadAsync();

        using var third = await RotateAsync(tenant);
        Assert.Equal(HttpStatusCode.Conflict, third.StatusCode);
        Assert.Contains("revoke_previous", await third.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal([rotated.GetProperty("webhook_secret").GetString()!, tenant.WebhookSecret], await ValidAsync(tenant.Id));

        await ExpirePreviousAsync(tenant);
        var after = await (await RotateAsync(tenant)).ReadAsync();
        Assert.Equal([after.GetProperty("webhook_secret").GetString()!, rotated.GetProperty("webhook_secret").GetString()!], await ValidAsync(tenant.Id));
        Assert.Equal(2, await SecretsAsync(tenant));
    }

    [Fact]
    public async Task A_rotation_that_revokes_the_previous_secret_leaves_only_the_new_one()
    {
        var tenant = await _server.CreateTenantAsync();
        await (await RotateAsync(tenant)).ReadAsync();
        for (var i = 0; i < 3; i++)
        {
            var rotated = await (await RotateAsync(tenant, revokePrevious: true)).ReadAsync();
            Assert.False(rotated.TryGetProperty("previous_valid_until", out _));
            Assert.Equal([rotated.GetProperty("webhook_secret").GetString()!], await ValidAsync(tenant.Id));
        }

        Assert.Equal(1, await SecretsAsync(tenant));
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.PostSignedAsync(tenant, "{}")).StatusCode);
    }

    [Fact]
    public async Task Of_concurrent_rotations_one_succeeds()
    {
        var tenant = await _server.CreateTenantAsync();
        var replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => RotateAsync(tenant)));

        Assert.Single(replies, reply => reply.StatusCode == HttpStatusCode.OK);
        Assert.Equal(9, replies.Count(reply => reply.StatusCode == HttpStatusCode.Conflict));
        Assert.Equal(2, await SecretsAsync(tenant));
    }

    [Fact]
    public async Task Keys_are_listed_page_by_page()
    {
        var tenant = await _server.CreateTenantAsync();
        for (var i = 0; i < 4; i++)
        {
            await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = $"key {i}" })).ReadAsync();
        }

        var (seen, cursor) = (new List<string>(), "");
        do
        {
            var page = await (await tenant.Http.GetAsync($"/v1/keys?limit=2{cursor}")).ReadAsync();
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(key => key.GetProperty("id").GetString()!));
            cursor = page.TryGetProperty("next_cursor", out var next) ? $"&cursor={next.GetString()}" : "";
        }
        while (cursor.Length > 0);

        Assert.Equal((await ItemsAsync(tenant)).Select(key => key.GetProperty("id").GetString()!), seen);
        Assert.Equal(5, seen.Distinct().Count());
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
        Assert.Equal(HttpStatusCode.Created, sameAddress.StatusCode);

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

    static Task<HttpResponseMessage> RotateAsync(TestTenant tenant, bool? revokePrevious = null) =>
        tenant.Http.PostAsync("/v1/webhook-secret/rotate", revokePrevious is null ? null : JsonContent.Create(new { revoke_previous = revokePrevious }));

    async Task ExpirePreviousAsync(TestTenant tenant)
    {
        await using var job = await _server.Database.BeginJobAsync(CancellationToken.None);
        await job.ExecuteAsync("update control.webhook_secret set expires_at = now() where tenant_id = $1 and expires_at is not null", CancellationToken.None, tenant.Id);
        await job.CommitAsync(CancellationToken.None);
    }

    async Task<long> SecretsAsync(TestTenant tenant)
    {
        await using var transaction = await _server.Database.BeginAsync(tenant.Id, CancellationToken.None);
        return await transaction.ScalarAsync<long>("select count(*) from control.webhook_secret", CancellationToken.None);
    }

    async Task<List<string>> ValidAsync(Guid tenant)
    {
        var raw = await _server.Services.GetRequiredService<FindWebhookSecrets>().RunAsync(tenant, "test", CancellationToken.None);
        return [.. raw.Select(secret => $"whsec_{Convert.ToBase64String(secret)}")];
    }
}
