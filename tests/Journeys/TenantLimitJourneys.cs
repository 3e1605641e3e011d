using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.RateLimiting;

namespace ControlPlane.Tests;

/// <summary>One tenant's requests do not use up what all share.</summary>
public class TenantLimitJourneys
{
    [Fact]
    public async Task Many_concurrent_reports_of_one_tenant_get_429_and_another_tenant_is_served()
    {
        await using var server = await TestServer.StartAsync();
        var (busy, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        List<Task<HttpResponseMessage>> reports;
        Task<HttpResponseMessage> othersReport;
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            // Reports take long for as long as this lock is held.
            await using var locking = await owner.BeginTransactionAsync();
            await owner.ExecuteAsync("lock table control.usage_counter in access exclusive mode", default);
            reports = [.. Enumerable.Range(0, 40).Select(_ => busy.Http.GetAsync("/v1/usage"))];
            // 4 run and 16 wait.
            var refused = new List<HttpResponseMessage>();
            while (refused.Count < 20)
            {
                var answered = await Task.WhenAny(reports);
                reports.Remove(answered);
                refused.Add(await answered);
            }

            Assert.All(refused, reply => Assert.Equal(HttpStatusCode.TooManyRequests, reply.StatusCode));
            Assert.All(refused, reply => Assert.True(reply.Headers.RetryAfter!.Delta > TimeSpan.Zero));
            othersReport = other.Http.GetAsync("/v1/usage");
            // The pool still has connections for requests that need no report.
            Assert.Equal(HttpStatusCode.OK, (await busy.Http.GetAsync("/v1/keys")).StatusCode);
        }

        Assert.Equal(HttpStatusCode.OK, (await othersReport).StatusCode);
        Assert.All(await Task.WhenAll(reports), reply => Assert.Equal(HttpStatusCode.OK, reply.StatusCode));
    }

    [Fact]
    public async Task Restarts_are_limited_per_tenant()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_ACTIONS", "2")]);
        var (busy, other) = (await server.CreateReadyTenantAsync(), await server.CreateReadyTenantAsync());
        for (var request = 1; request <= 3; request++)
        {
            // The second one may find the first restart in progress.
            var reply = await busy.Http.PostAsync("/v1/environment/restart", null);
            Assert.Equal(request == 3, reply.StatusCode == HttpStatusCode.TooManyRequests);
            Assert.Equal(request == 3, reply.Headers.RetryAfter is not null);
        }

        Assert.Equal(HttpStatusCode.Accepted, (await other.Http.PostAsync("/v1/environment/restart", null)).StatusCode);
    }

    [Fact]
    public async Task Authorizations_are_limited_per_tenant_and_second()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_AUTHORIZATIONS", "1")]);
        var (busy, other) = (await server.CreateReadyTenantAsync(), await server.CreateReadyTenantAsync());
        HttpResponseMessage reply;
        var requests = 0;
        do
        {
            reply = await busy.PostAuthorizeAsync(new { request_id = Names.Random("r"), user = "u1", model = "mistral:7b-instruct", estimated_tokens = 0 });
            requests++;
        }
        while (reply.StatusCode == HttpStatusCode.OK && requests < 1_000);

        Assert.Equal(HttpStatusCode.TooManyRequests, reply.StatusCode);
        Assert.NotNull(reply.Headers.RetryAfter?.Delta);
        Assert.True((await other.AuthorizeAsync(0)).Allow);
        // The burst is used up; a second allows one more.
        Assert.InRange(requests, 30, 500);
        await Task.Delay(reply.Headers.RetryAfter!.Delta!.Value + TimeSpan.FromSeconds(1));
        Assert.True((await busy.AuthorizeAsync(0)).Allow);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-ndjson")]
    public async Task Events_that_were_already_counted_are_limited_per_tenant_and_second(string type)
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_DUPLICATES", "1")]);
        var (busy, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        var events = Enumerable.Range(0, 150).Select(n => Deliveries.Event($"e{n}", server.Clock.GetUtcNow())).ToList();
        var body = type == "application/json" ? JsonSerializer.Serialize(events) : string.Join('\n', events.Select(one => JsonSerializer.Serialize(one)));
        Assert.Equal((150, 150), ((await busy.PostAsync(body, type).CountsAsync()).Accepted, (await other.PostAsync(body, type).CountsAsync()).Accepted));

        // The duplicates of 100 seconds at once, and then of 50 more.
        Assert.Equal(150, (await busy.PostAsync(body, type).CountsAsync()).Duplicates);
        var refused = await busy.PostAsync(JsonSerializer.Serialize(Deliveries.Event("new", server.Clock.GetUtcNow())));

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 50);
        Assert.Contains("already counted", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(150, (await other.PostAsync(body, type).CountsAsync()).Duplicates);
    }

    [Fact]
    public async Task Requests_with_a_revoked_key_do_not_use_up_its_tenants_authorizations()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_AUTHORIZATIONS", "1")]);
        var tenant = await server.CreateReadyTenantAsync();
        var key = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "leaked" })).ReadAsync();
        var leaked = tenant with { Http = server.NewClient(key.GetProperty("key").GetString()) };
        Assert.True((await leaked.AuthorizeAsync(0)).Allow);
        Assert.True((await tenant.Http.DeleteAsync($"/v1/keys/{key.GetProperty("id").GetString()}")).IsSuccessStatusCode);

        // More than the tenant's burst.
        for (var n = 0; n < 60; n++)
        {
            using var refused = await leaked.PostAuthorizeAsync(new { request_id = $"r{n}", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 0 });
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        Assert.True((await tenant.AuthorizeAsync(0)).Allow);
    }

    [Fact]
    public async Task Keys_and_limited_users_have_a_maximum_per_tenant()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        await server.SqlAsync("insert into control.user_limit (tenant_id, user_id, tokens_per_day, updated_at) select $1, 'u' || n, 1, now() from generate_series(1, 10000) n", tenant.Id);
        await server.SqlAsync(
            "insert into control.tenant_key (id, tenant_id, name, prefix, hash, created_at) select gen_random_uuid(), $1, 'k', 'cpt_', sha256(n::text::bytea), now() from generate_series(1, 100) n",
            tenant.Id);

        Assert.Equal(HttpStatusCode.BadRequest, (await tenant.Http.PutAsJsonAsync("/v1/user-limits/another", new { tokens_per_day = 1 })).StatusCode);
        Assert.True((await tenant.Http.PutAsJsonAsync("/v1/user-limits/u1", new { tokens_per_day = 2 })).IsSuccessStatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "another" })).StatusCode);
    }

    [Fact]
    public async Task Changes_are_limited_per_tenant()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_CHANGES", "2")]);
        var (busy, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        Assert.True((await SetAsync(busy, 1)).IsSuccessStatusCode);
        Assert.True((await SetAsync(busy, 2)).IsSuccessStatusCode);

        var refused = await SetAsync(busy, 3);

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.True((await SetAsync(other, 1)).IsSuccessStatusCode);
        static Task<HttpResponseMessage> SetAsync(TestTenant tenant, int tokens) => tenant.Http.PutAsJsonAsync("/v1/user-limits/u", new { tokens_per_day = tokens });
    }

    [Fact]
    public async Task Several_processes_allow_no_more_changes_than_one_does_in_an_hour()
    {
        var database = await TestCluster.NewDatabaseAsync();
        TestTenant? tenant = null;
        var statuses = new List<HttpStatusCode>();
        for (var process = 1; process <= 3; process++)
        {
            await using var server = await TestServer.StartAsync(
                sandbox: false, settings: [new("CONTROLPLANE_LIMIT_CHANGES", "1")], database: database, keepDatabase: process < 3);
            tenant ??= await server.CreateTenantAsync();
            using var client = server.NewClient(tenant.ApiKey);
            using var reply = await client.PutAsJsonAsync("/v1/user-limits/u", new { tokens_per_day = process });
            statuses.Add(reply.StatusCode);
            Assert.Equal(reply.StatusCode == HttpStatusCode.TooManyRequests, reply.Headers.RetryAfter is not null);
        }

        // A process allows one change at once and another one in the course of the hour.
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.TooManyRequests], statuses);
    }

    [Fact]
    public async Task Every_request_with_which_a_tenant_changes_something_has_a_limit()
    {
        await using var server = await TestServer.StartAsync();
        string[] ofTenants = [Policies.Tenant, Policies.Member, Policies.Owner, Policies.Billing];
        var unlimited = server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(data => ofTenants.Contains(data.Policy))
                && route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Any(method => method is not "GET")
                && route.Metadata.GetMetadata<EnableRateLimitingAttribute>() is not { PolicyName: TenantLimits.Actions or TenantLimits.Changes or RateLimits.Account })
            .Select(route => route.RoutePattern.RawText);

        // It ends the session of the request, and leaves nothing behind.
        Assert.Equal(["/logout"], unlimited);
    }

    [Fact]
    public async Task Setting_the_same_limits_again_changes_nothing_and_is_not_recorded()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        foreach (var _ in (int[])[1, 2])
        {
            Assert.True((await tenant.Http.PutAsJsonAsync("/v1/user-limits/u", new { tokens_per_day = 5, models = (string[])["gemini-pro", "gemini-pro"] })).IsSuccessStatusCode);
        }

        Assert.Equal("{\"models\": [\"gemini-pro\"], \"TokensPerDay\": 5, \"TokensPerMonth\": null}", await server.ReadAsync<string>(
            "select string_agg(detail::text, ' ') from control.audit_log where action = 'user_limit.set'"));
    }

    [Fact]
    public async Task Concurrent_invitations_of_one_tenant_leave_connections_for_others()
    {
        await using var server = await TestServer.StartAsync();
        var (busy, other) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        var invite = server.Services.GetRequiredService<InviteMember>();
        List<Task<InviteMemberResult>> invitations;
        await using (var owner = await server.Database.OpenOwnerAsync(default))
        {
            await invite.RunAsync(busy.Id, "first@example.com", "member", "test", default);
            // The count of the tenant's invitations is locked.
            await using var locking = await owner.BeginTransactionAsync();
            await owner.ExecuteAsync("select 1 from control.rate_counter where scope = 'invitation' for update", default);
            invitations = [.. Enumerable.Range(0, 100).Select(n => invite.RunAsync(busy.Id, $"m{n}@example.com", "member", "test", default))];

            Assert.True((await other.Http.GetAsync("/v1/keys")).IsSuccessStatusCode);
            Assert.True((await server.ReportAsync(other, Deliveries.Event("e", server.Clock.GetUtcNow()))).IsSuccessStatusCode);
        }

        await Task.WhenAll(invitations.Select(invitation => invitation.ContinueWith(_ => { }, TaskScheduler.Default)));
    }
}
