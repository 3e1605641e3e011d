using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class AuthorizeJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset Tomorrow = new(2026, 1, 16, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset NextPeriod = new(2026, 2, 15, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: Now);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task An_allowed_call_creates_a_reservation_visible_in_the_subscription()
    {
        var tenant = await _server.CreateReadyTenantAsync();

        var answer = await tenant.AuthorizeAsync(1_000);

        Assert.Equal((true, Now.AddMinutes(10), 49_000L), (answer.Allow, answer.ExpiresAt, answer.Remaining));
        Assert.Equal(new LimitState(50_000, 0, 1_000, 49_000), await tenant.LimitAsync());
        Assert.Equal(new LimitState(1_000_000, 0, 1_000, 999_000), await tenant.LimitAsync("tokens_per_month"));
        Assert.Equal(new LimitState(5, 0, 0, 5), await tenant.LimitAsync("rag_files"));
        Assert.Null((await (await _server.CreateReadyTenantAsync("enterprise")).AuthorizeAsync(UsageEvent.MaximumTokens)).Remaining);
    }

    [Fact]
    public async Task A_model_outside_the_plan_is_denied()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        Assert.Equal(("model_not_in_plan", null), (await tenant.AuthorizeAsync(1, model: "gpt-4-turbo")).Denial);
        Assert.Equal(("model_not_in_plan", null), (await tenant.AuthorizeAsync(1, model: "no-such-model")).Denial);
        Assert.True((await (await _server.CreateReadyTenantAsync("enterprise")).AuthorizeAsync(1, model: "gpt-4-turbo")).Allow);
    }

    [Theory]
    [InlineData("local_models", "gemini-pro", "model_restricted")]
    [InlineData("local_models", "mistral:7b-instruct", "allowed")]
    [InlineData("none", "mistral:7b-instruct", "suspended")]
    [InlineData("full", "gemini-pro", "allowed")]
    public async Task An_unpaid_invoice_restricts_models_and_later_all_calls(string access, string model, string expected)
    {
        var tenant = await _server.CreateReadyTenantAsync();
        await _server.SqlAsync("update control.subscription set access = $2 where tenant_id = $1", tenant.Id, access);
        Assert.Equal((expected, null), (await tenant.AuthorizeAsync(1, model: model)).Denial);
    }

    [Fact]
    public async Task The_daily_limit_denies_until_midnight_or_until_a_reservation_may_expire()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        Assert.Equal(("daily_limit", null), (await tenant.AuthorizeAsync(50_001)).Denial);
        Assert.True((await tenant.AuthorizeAsync(30_000)).Allow);
        Assert.Equal(("daily_limit", Now.AddMinutes(10)), (await tenant.AuthorizeAsync(20_001)).Denial);
        Assert.Equal(0, (await tenant.AuthorizeAsync(20_000)).Remaining);

        var used = await _server.CreateReadyTenantAsync();
        await _server.ReportAsync(used, Deliveries.Event("e1", Now, 40_000, 0));
        Assert.Equal(("daily_limit", Tomorrow), (await used.AuthorizeAsync(10_001)).Denial);
        await _server.MoveClockAsync(Tomorrow);
        Assert.True((await used.AuthorizeAsync(50_000)).Allow);
    }

    [Fact]
    public async Task The_monthly_limit_is_hard_in_a_trial_only()
    {
        var tenant = await _server.CreateReadyTenantAsync("trial");
        await _server.ReportAsync(tenant, [.. Enumerable.Range(1, 10).Select(n => Deliveries.Event($"e{n}", Now.AddDays(-n), 9_999, 0))]);
        // No retry_at, because the trial ends before the period does.
        Assert.Equal(("monthly_limit", null), (await tenant.AuthorizeAsync(11)).Denial);
        Assert.Equal(0, (await tenant.AuthorizeAsync(10)).Remaining);
        Assert.Equal(("monthly_limit", Now.AddMinutes(10)), (await tenant.AuthorizeAsync(10)).Denial);

        var basic = await _server.CreateReadyTenantAsync();
        await _server.ReportAsync(basic, Deliveries.Event("e1", Now.AddDays(-1), 2_000_000, 0));
        Assert.True((await basic.AuthorizeAsync(10)).Allow);
    }

    [Fact]
    public async Task A_user_has_their_own_limits_or_else_those_of_everyone()
    {
        var tenant = await _server.CreateReadyTenantAsync("premium");
        await LimitUserAsync(tenant, "*", tokens_per_day: 100, tokens_per_month: 150);
        await LimitUserAsync(tenant, "free");
        await LimitUserAsync(tenant, "picky", models: ["gpt-4-turbo"]);

        Assert.Equal(("user_limit", null), (await tenant.AuthorizeAsync(101)).Denial);
        Assert.Equal(40, (await tenant.AuthorizeAsync(60)).Remaining);
        Assert.Equal(("user_limit", Now.AddMinutes(10)), (await tenant.AuthorizeAsync(60)).Denial);
        Assert.True((await tenant.AuthorizeAsync(60, user: "u2")).Allow);
        Assert.True((await tenant.AuthorizeAsync(1_000, user: "free")).Allow);
        Assert.Equal(("user_limit", null), (await tenant.AuthorizeAsync(1, user: "picky")).Denial);
        Assert.True((await tenant.AuthorizeAsync(1, user: "picky", model: "gpt-4-turbo")).Allow);

        await _server.ReportAsync(tenant, Deliveries.Event("e1", Now, 90, 0, user: "u3"), Deliveries.Event("e2", Now, 0, 30, user: "u4"));
        Assert.Equal(("user_limit", Tomorrow), (await tenant.AuthorizeAsync(11, user: "u3")).Denial);
        Assert.Equal(10, (await tenant.AuthorizeAsync(60, user: "u4")).Remaining);
        await _server.MoveClockAsync(Tomorrow);
        Assert.Equal(("user_limit", NextPeriod), (await tenant.AuthorizeAsync(61, user: "u3")).Denial);
        Assert.True((await tenant.AuthorizeAsync(60, user: "u3")).Allow);
    }

    [Fact]
    public async Task Features_have_limits_of_their_own()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        Assert.Equal(("feature_not_in_plan", null), (await tenant.AuthorizeAsync(0, feature: "image")).Denial);
        Assert.Equal(("feature_limit", null), (await tenant.AuthorizeAsync(0, feature: "rag_file", quantity: 6)).Denial);
        Assert.True((await tenant.AuthorizeAsync(0, feature: "rag_file", quantity: 4)).Allow);
        Assert.Equal(("feature_limit", Now.AddMinutes(10)), (await tenant.AuthorizeAsync(0, feature: "rag_file", quantity: 2)).Denial);

        var search = await tenant.AuthorizeAsync(10, feature: "web_search", quantity: 60);
        await _server.ReportAsync(tenant, new
        {
            id = "e1",
            occurred_at = Now,
            user = "u1",
            model = "mistral:7b-instruct",
            prompt_tokens = 1,
            completion_tokens = 1,
            reservation_id = search.Reservation,
            feature = "web_search",
            quantity = 90,
        });
        Assert.Equal(new LimitState(100, 90, 0, 10), await tenant.LimitAsync("web_searches_per_month"));
        Assert.Equal(("feature_limit", NextPeriod), (await tenant.AuthorizeAsync(0, feature: "web_search", quantity: 11)).Denial);
        Assert.True((await tenant.AuthorizeAsync(0, feature: "web_search", quantity: 10)).Allow);
    }

    [Fact]
    public async Task An_expired_trial_denies_and_no_retry_at_lies_after_its_end()
    {
        var tenant = await _server.CreateReadyTenantAsync("trial");
        await _server.MoveClockAsync(Now.AddDays(14).AddHours(-12));
        await _server.ReportAsync(tenant, Deliveries.Event("e1", Now.AddDays(14).AddHours(-12), 10_000, 0));
        Assert.Equal(("daily_limit", null), (await tenant.AuthorizeAsync(1)).Denial);
        await _server.MoveClockAsync(Now.AddDays(14));
        Assert.Equal(("trial_expired", null), (await tenant.AuthorizeAsync(1)).Denial);
    }

    [Fact]
    public async Task A_tenant_that_is_suspended_or_not_ready_is_denied()
    {
        var fresh = await _server.CreateReadyTenantAsync();
        await _server.SqlAsync("update control.environment set state = 'failed' where tenant_id = $1", fresh.Id);
        Assert.Equal(("environment_not_ready", null), (await fresh.AuthorizeAsync(1)).Denial);

        var tenant = await _server.CreateReadyTenantAsync();
        await _server.SqlAsync("update control.environment set state = 'updating' where tenant_id = $1", tenant.Id);
        Assert.True((await tenant.AuthorizeAsync(1)).Allow);
        (await _server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/suspend", null)).EnsureSuccessStatusCode();
        for (var request = 0; request < 3; request++)
        {
            Assert.Equal(("suspended", null), (await tenant.AuthorizeAsync(1, request: "r1")).Denial);
        }

        // Such a denial holds for all requests of the tenant, so it is not stored with each.
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.authorization_answer where request_id = 'r1'"));
        (await _server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/resume", null)).EnsureSuccessStatusCode();
        await _server.SqlAsync("update control.environment set state = 'ready' where tenant_id = $1", tenant.Id);
        Assert.True((await tenant.AuthorizeAsync(1, request: "r1")).Allow);
    }

    [Fact]
    public async Task An_unknown_key_is_refused_and_invalid_fields_are_named()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        using var unknown = _server.NewClient("cpt_wrong");
        object valid = new { request_id = "r", user = "u", model = "m", estimated_tokens = 1 };
        Assert.Equal(HttpStatusCode.Unauthorized, (await unknown.PostAsJsonAsync("/v1/authorize", valid)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.Anonymous.PostAsJsonAsync("/v1/authorize", valid)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.Operator.PostAsJsonAsync("/v1/authorize", valid)).StatusCode);

        var reply = await tenant.PostAuthorizeAsync(new { user = "", model = "a\nb", estimated_tokens = -1, feature = "video", quantity = -1 });
        Assert.Equal((HttpStatusCode.BadRequest, "application/problem+json"), (reply.StatusCode, reply.Content.Headers.ContentType!.MediaType));
        var errors = JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement.GetProperty("errors");
        Assert.Equal(["estimated_tokens", "feature", "model", "quantity", "request_id", "user"], errors.EnumerateObject().Select(e => e.Name).Order());
        Assert.Equal(HttpStatusCode.BadRequest, (await tenant.Http.PostAsync("/v1/authorize", new StringContent("{", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")))).StatusCode);
    }

    [Fact]
    public async Task While_the_database_is_unavailable_the_answer_is_503()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var name = new NpgsqlConnectionStringBuilder(_server.ConnectionString).Database;
        await using var outside = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Database = "postgres", Pooling = false });
        await outside.CreateCommand($"alter database {name} allow_connections false").ExecuteNonQueryAsync();
        await outside.CreateCommand($"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'").ExecuteNonQueryAsync();

        var replies = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => tenant.PostAuthorizeAsync(
            new { request_id = "r1", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 })));
        Assert.All(replies, reply => Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode));
        Assert.All(replies, reply => Assert.NotNull(reply.Headers.RetryAfter));

        await outside.CreateCommand($"alter database {name} allow_connections true").ExecuteNonQueryAsync();
        Assert.True((await tenant.AuthorizeAsync(1, request: "r1")).Allow);
    }

    Task LimitUserAsync(TestTenant tenant, string user, long? tokens_per_day = null, long? tokens_per_month = null, string[]? models = null) => _server.SqlAsync(
        "insert into control.user_limit (tenant_id, user_id, tokens_per_day, tokens_per_month, models, updated_at) values ($1, $2, $3, $4, $5, now())",
        tenant.Id, user, tokens_per_day, tokens_per_month, models);
}
