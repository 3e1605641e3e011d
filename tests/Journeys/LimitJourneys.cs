using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

public sealed class LimitJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    static readonly string[] InPlan = ["gemini-pro"];
    static readonly string[] NotInPlan = ["gpt-4-turbo"];

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: Now);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_tenant_sets_reads_and_removes_the_limits_of_its_users()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        (await tenant.Http.PutAsJsonAsync("/v1/user-limits/*", new { tokens_per_day = 100 })).EnsureSuccessStatusCode();
        (await tenant.Http.PutAsJsonAsync("/v1/user-limits/a%20b", new { tokens_per_month = 0, models = InPlan })).EnsureSuccessStatusCode();

        var list = await (await tenant.Http.GetAsync("/v1/user-limits?limit=1")).ReadAsync();
        Assert.Equal("*", list.GetProperty("items")[0].GetProperty("user").GetString());
        list = await (await tenant.Http.GetAsync($"/v1/user-limits?cursor={list.GetProperty("next_cursor").GetString()}")).ReadAsync();
        Assert.Equal("""[{"user":"a b","tokens_per_month":0,"models":["gemini-pro"]}]""", list.GetProperty("items").GetRawText());
        Assert.Equal("user_limit", (await tenant.AuthorizeAsync(101)).Reason);
        Assert.Equal("user_limit", (await tenant.AuthorizeAsync(1, user: "a b", model: "gemini-pro")).Reason);

        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync("/v1/user-limits/*")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await tenant.Http.DeleteAsync("/v1/user-limits/*")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await tenant.Http.GetAsync("/v1/user-limits/*")).StatusCode);
        Assert.True((await tenant.AuthorizeAsync(101)).Allow);
        var other = await _server.CreateTenantAsync();
        Assert.Equal(0, (await (await other.Http.GetAsync("/v1/user-limits")).ReadAsync()).GetProperty("items").GetArrayLength());
        Assert.Equal(HttpStatusCode.NotFound, (await other.Http.DeleteAsync("/v1/user-limits/a%20b")).StatusCode);
    }

    [Fact]
    public async Task A_user_id_with_a_slash_can_be_limited()
    {
        var tenant = await _server.CreateReadyTenantAsync();

        (await tenant.Http.PutAsJsonAsync("/v1/user-limits/okta%2Fada", new { tokens_per_day = 100 })).EnsureSuccessStatusCode();

        Assert.Equal("user_limit", (await tenant.AuthorizeAsync(101, user: "okta/ada")).Reason);
        Assert.Equal("okta/ada", (await (await tenant.Http.GetAsync("/v1/user-limits/okta%2Fada")).ReadAsync()).GetProperty("user").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync("/v1/user-limits/okta%2Fada")).StatusCode);
        Assert.True((await tenant.AuthorizeAsync(101, user: "okta/ada")).Allow);
    }

    [Theory]
    [InlineData("okta/ada", "okta%2Fada")]
    [InlineData("okta%2Fada", "okta%252Fada")]
    [InlineData("a+b", "a+b")]
    [InlineData("a b+c", "a%20b%2Bc")]
    [InlineData("ü@example.com", "%C3%BC%40example.com")]
    [InlineData("100%", "100%25")]
    [InlineData("💥?#&", "%F0%9F%92%A5%3F%23%26")]
    [InlineData("/", "%2F")]
    public async Task A_user_id_in_a_path_is_decoded_once(string user, string escaped)
    {
        var tenant = await _server.CreateTenantAsync();
        var address = new Uri($"{_server.Address.GetLeftPart(UriPartial.Authority)}/v1/user-limits/{escaped}?x=%2F", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

        (await tenant.Http.PutAsJsonAsync(address, new { tokens_per_day = 100 })).EnsureSuccessStatusCode();
        Assert.Equal(user, (await (await tenant.Http.GetAsync(address)).ReadAsync()).GetProperty("user").GetString());
        Assert.Equal(user, (await (await tenant.Http.GetAsync("/v1/user-limits")).ReadAsync()).GetProperty("items")[0].GetProperty("user").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync(address)).StatusCode);
    }

    [Fact]
    public async Task A_user_id_of_any_length_can_be_limited()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var (user, other) = ($"{new string('x', 3_000)}1", $"{new string('x', 3_000)}2");

        var set = await (await tenant.Http.PutAsJsonAsync($"/v1/user-limits/{user}", new { tokens_per_day = 100 })).ReadAsync();
        var stored = set.GetProperty("user").GetString()!;
        Assert.InRange(stored.Length, 1, 200);
        Assert.Equal(stored, (await (await tenant.Http.GetAsync($"/v1/user-limits/{user}")).ReadAsync()).GetProperty("user").GetString());

        Assert.Equal("user_limit", (await tenant.AuthorizeAsync(101, user: user)).Reason);
        Assert.True((await tenant.AuthorizeAsync(101, user: other)).Allow);
        await _server.ReportAsync(tenant, Deliveries.Event("e1", Now, 60, 40, user: user));
        Assert.Equal("user_limit", (await tenant.AuthorizeAsync(1, user: user)).Reason);
        var rows = (await (await tenant.Http.GetAsync("/v1/usage?group_by=user")).ReadAsync()).GetProperty("items");
        Assert.Equal(stored, rows[0].GetProperty("user").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync($"/v1/user-limits/{user}")).StatusCode);
    }

    [Fact]
    public async Task Invalid_limits_are_rejected_with_what_to_send()
    {
        var tenant = await _server.CreateTenantAsync();
        var reply = await tenant.Http.PutAsJsonAsync("/v1/user-limits/u1", new { tokens_per_day = -1, tokens_per_month = long.MaxValue, models = NotInPlan });
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        var errors = (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors");
        Assert.Equal(["models", "tokens_per_day", "tokens_per_month"], errors.EnumerateObject().Select(e => e.Name).Order());
        Assert.Contains("gemini-pro", errors.GetProperty("models")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await tenant.Http.PutAsJsonAsync("/v1/user-limits/u1", new { models = Array.Empty<string>() })).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await tenant.Http.PutAsJsonAsync("/v1/user-limits/u1", new { tokens_per_day = 9_007_199_254_740_993 })).StatusCode);
    }

    [Fact]
    public async Task An_operators_limits_replace_the_plans_until_they_are_removed()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        await _server.ReportAsync(tenant, Deliveries.Event("e1", Now, 900, 0));
        var path = $"/v1/admin/tenants/{tenant.Id}/limits";
        var refused = await _server.Operator.PutAsJsonAsync(path, new { tokens_per_day = -1, reason = " " });
        Assert.Equal(
            ["reason", "tokens_per_day"], (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").EnumerateObject().Select(e => e.Name).Order());
        Assert.Equal(HttpStatusCode.BadRequest, (await _server.Operator.PutAsJsonAsync(path, new { reason = "x" })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.PutAsJsonAsync($"/v1/admin/tenants/{Guid.Empty}/limits", new { rag_files = 1, reason = "x" })).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await tenant.Http.PutAsJsonAsync(path, new { rag_files = 1, reason = "x" })).StatusCode);

        (await _server.Operator.PutAsJsonAsync(path, new { tokens_per_day = 1_000, images_per_month = 3, reason = "Ticket 4711" })).EnsureSuccessStatusCode();
        Assert.Equal(new LimitState(1_000, 900, 0, 100), await tenant.LimitAsync());
        Assert.Equal("daily_limit", (await tenant.AuthorizeAsync(101)).Reason);
        Assert.True((await tenant.AuthorizeAsync(100, feature: "image", quantity: 3)).Allow);
        // The usage was below the first threshold of the plan; now it is 90 %.
        Assert.Contains(await _server.MailsAsync(), mail => mail.Subject == "You have used 80 % of your daily token limit");

        Assert.Equal(HttpStatusCode.NoContent, (await _server.Operator.DeleteAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.DeleteAsync(path)).StatusCode);
        Assert.Equal(50_000, (await tenant.LimitAsync()).Maximum);
        Assert.Equal("limits.overridden,limits.override_removed", await _server.ReadAsync<string>(
            "select string_agg(action, ',' order by action) from control.audit_log where tenant_id = $1 and action like 'limits.%'", tenant.Id));
    }

    [Fact]
    public async Task The_nightly_job_releases_expired_reservations_and_the_job_retention_deletes_them_after_two_days()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        await tenant.AuthorizeAsync(1_000, request: "r1", feature: "rag_file");
        await _server.RunJobAsync("nightly");
        Assert.Equal(3, await ReservedBudgetsAsync(tenant));
        await _server.MoveClockAsync(Now.AddDays(1));
        Assert.Equal(0, await ReservedBudgetsAsync(tenant));
        Assert.Equal(2, await RowsAsync());
        await _server.MoveClockAsync(Now.AddDays(3));
        await _server.RunJobAsync("retention");
        Assert.Equal(0, await RowsAsync());
        Assert.True((await tenant.AuthorizeAsync(1_000, request: "r1")).Allow);
        var expire = _server.Services.GetRequiredService<ExpireReservations>();
        Assert.True((await expire.RunAsync(default)).DidNothing);

        Task<long> RowsAsync() => _server.ReadAsync<long>("select (select count(*) from control.reservation) + (select count(*) from control.authorization_answer)");
    }

    [Fact]
    public async Task Conflicts_are_counted_in_a_metric()
    {
        var tenant = await _server.CreateTenantAsync();
        var conflicts = new System.Collections.Concurrent.ConcurrentBag<long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == Instrumentation.Name && instrument.Name == "usage.events")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (tags.Contains(new KeyValuePair<string, object?>("outcome", "conflict")))
            {
                conflicts.Add(value);
            }
        });
        listener.Start();
        await _server.ReportAsync(tenant, [.. Enumerable.Range(0, 7).Select(n => Deliveries.Event($"e{n}", Now))]);
        await _server.ReportAsync(tenant, [.. Enumerable.Range(0, 7).Select(n => Deliveries.Event($"e{n}", Now, prompt: 1))]);
        // Parallel tests may count conflicts as well, but not seven at once.
        Assert.Contains(7, conflicts);
    }

    Task<long> ReservedBudgetsAsync(TestTenant tenant) =>
        _server.ReadAsync<long>("select count(*) filter (where reserved > 0) from control.budget where tenant_id = $1", tenant.Id);
}
