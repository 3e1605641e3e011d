using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

[Trait("Category", "Python")]
public sealed class GatewayHookJourneys : IDisposable
{
    readonly string _spool = Directory.CreateTempSubdirectory("controlplane-spool-").FullName;

    [Fact]
    public async Task The_hooks_own_tests_pass()
    {
        var (exitCode, errors) = await HookGateway.RunTestsAsync();
        Assert.True(exitCode == 0, errors);
    }

    [Fact]
    public async Task An_allowed_call_reserves_its_estimate_and_its_usage_settles_it_exactly()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await ReadyTenantAsync(server);
        await using var gateway = HookGateway.Start(server.Address, tenant.ApiKey, _spool);

        var call = await gateway.AuthorizeAsync(maxTokens: 100);
        Assert.True(call.GetProperty("allowed").GetBoolean());
        Assert.InRange((await MonthAsync(tenant.Http)).Reserved, 100, 130);

        await gateway.SucceedAsync(call, "chatcmpl-1", promptTokens: 12, completionTokens: 30);
        await EventuallyAsync(async () => await MonthAsync(tenant.Http) == new Month(Used: 42, Reserved: 0));
    }

    [Fact]
    public async Task A_failed_call_releases_its_reservation()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await ReadyTenantAsync(server);
        await using var gateway = HookGateway.Start(server.Address, tenant.ApiKey, _spool);

        await gateway.FailAsync(await gateway.AuthorizeAsync(maxTokens: 100));
        await EventuallyAsync(async () => await MonthAsync(tenant.Http) == new Month(Used: 0, Reserved: 0) && await gateway.CountSpooledAsync() == 0);
    }

    [Fact]
    public async Task A_call_over_budget_is_denied_with_a_message_for_the_chat_user()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await ReadyTenantAsync(server);
        await using var gateway = HookGateway.Start(server.Address, tenant.ApiKey, _spool);

        await AssertDeniedAsync(403, "This request exceeds your organization's daily token limit.", gateway.AuthorizeAsync(maxTokens: 60_000));
        await AssertDeniedAsync(403, "Your organization's plan does not include the model gpt-4-turbo.", gateway.AuthorizeAsync(maxTokens: 10, model: "gpt-4-turbo"));

        await gateway.AuthorizeAsync(maxTokens: 49_900);
        await AssertDeniedAsync(429, "Your organization has reached its daily token limit, including tokens reserved by running calls. Try again at ", gateway.AuthorizeAsync(maxTokens: 100));
        Assert.InRange((await MonthAsync(tenant.Http)).Reserved, 49_900, 50_000);
    }

    [Fact]
    public async Task A_suspended_tenant_cannot_spend_through_calls_that_name_no_model()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await ReadyTenantAsync(server);
        (await server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/suspend", content: null)).EnsureSuccessStatusCode();
        await using var gateway = HookGateway.Start(server.Address, tenant.ApiKey, _spool);

        await AssertDeniedAsync(403, "Your organization's account is suspended.", gateway.AuthorizeAsync(maxTokens: 10));
        const string NotSold = "This gateway offers chat, completions, embeddings and images only.";
        await AssertDeniedAsync(403, NotSold, gateway.AskAsync("pass_through_endpoint", new { contents = Array.Empty<object>() }));
        await AssertDeniedAsync(403, NotSold, gateway.AskAsync("acreate_batch", new { input_file_id = "file-1" }));
        await AssertDeniedAsync(400, "Name the model", gateway.AskAsync("acompletion", new { model = (string?)null }));
    }

    [Fact]
    public async Task Usage_during_an_outage_of_the_control_plane_is_counted_exactly_once()
    {
        var database = await TestCluster.NewDatabaseAsync();
        var data = Directory.CreateTempSubdirectory("controlplane-test-").FullName;
        string[] options = ["--data", data, "--database", database];
        try
        {
            var server = await ServerProcess.StartAsync(options);
            var port = server.Port;
            using var tenant = new HttpClient { BaseAddress = server.Anonymous.BaseAddress };
            var key = await ReadyTenantAsync(server);
            tenant.DefaultRequestHeaders.Authorization = new("Bearer", key);
            await using var killed = HookGateway.Start(server.Anonymous.BaseAddress!, key, _spool);
            var call = await killed.AuthorizeAsync(maxTokens: 100);
            await killed.AuthorizeAsync(maxTokens: 100);

            await server.KillAsync();
            await server.DisposeAsync();
            await AssertDeniedAsync(503, "Your organization's budget cannot be checked right now", killed.AuthorizeAsync(maxTokens: 100));
            await killed.SucceedAsync(call, "chatcmpl-1", promptTokens: 12, completionTokens: 30);
            await killed.KillAsync();
            await using var gateway = HookGateway.Start(tenant.BaseAddress!, key, _spool);
            // The call that was running counts its prompt, of 11 tokens.
            await EventuallyAsync(async () => await gateway.CountSpooledAsync() == 2);

            await using var restarted = ServerProcess.Launch(port, options);
            await EventuallyAsync(async () => await gateway.CountSpooledAsync() == 0);
            Assert.Equal((2, 53), await UsageAsync(tenant));
            Assert.Equal(new Month(Used: 53, Reserved: 0), await MonthAsync(tenant));
        }
        finally
        {
            await TestCluster.DropAsync(database);
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Usage_during_an_outage_of_the_database_is_queued_by_the_control_plane()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await ReadyTenantAsync(server);
        await using var gateway = HookGateway.Start(server.Address, tenant.ApiKey, _spool);
        await gateway.SucceedAsync(await gateway.AuthorizeAsync(maxTokens: 100), "chatcmpl-1", promptTokens: 12, completionTokens: 30);
        await EventuallyAsync(async () => await gateway.CountSpooledAsync() == 0);
        var call = await gateway.AuthorizeAsync(maxTokens: 100);
        await using (await TestCluster.RefuseAsync(server.ConnectionString))
        {
            await gateway.SucceedAsync(call, "chatcmpl-2", promptTokens: 3, completionTokens: 5);
            await EventuallyAsync(async () => await gateway.CountSpooledAsync() == 0);
            Assert.Single(Spool.PendingFiles(server.DataFolder));
            await AssertDeniedAsync(503, "Your organization's budget cannot be checked right now", gateway.AuthorizeAsync(maxTokens: 100));
        }

        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal((2, 50), await UsageAsync(tenant.Http));
        Assert.Equal(new Month(Used: 50, Reserved: 0), await MonthAsync(tenant.Http));
    }

    public void Dispose() => Directory.Delete(_spool, recursive: true);

    static async Task AssertDeniedAsync(int status, string message, Task<JsonElement> authorizing)
    {
        var answer = await authorizing;
        Assert.False(answer.GetProperty("allowed").GetBoolean());
        Assert.Equal(status, answer.GetProperty("status").GetInt32());
        Assert.StartsWith(message, answer.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    static async Task<TestTenant> ReadyTenantAsync(TestServer server)
    {
        var tenant = await server.CreateTenantAsync("basic");
        await EventuallyAsync(async () => await IsReadyAsync(tenant.Http));
        return tenant;
    }

    static async Task<string> ReadyTenantAsync(ServerProcess server)
    {
        var slug = Names.Random("t");
        var created = await (await server.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = "Hook", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" })).ReadAsync();
        var key = created.GetProperty("api_key").GetString()!;
        using var tenant = new HttpClient { BaseAddress = server.Anonymous.BaseAddress };
        tenant.DefaultRequestHeaders.Authorization = new("Bearer", key);
        await EventuallyAsync(async () => await IsReadyAsync(tenant));
        return key;
    }

    static async Task<bool> IsReadyAsync(HttpClient tenant) =>
        (await (await tenant.GetAsync("/v1/environment")).ReadAsync()).GetProperty("state").GetString() == "ready";

    static async Task<Month> MonthAsync(HttpClient tenant)
    {
        var limit = (await (await tenant.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("limits").GetProperty("tokens_per_month");
        return new Month(limit.GetProperty("used").GetInt64(), limit.GetProperty("reserved").GetInt64());
    }

    static async Task<(long Requests, long Tokens)> UsageAsync(HttpClient tenant)
    {
        var rows = (await (await tenant.GetAsync("/v1/usage?group_by=model")).ReadAsync()).GetProperty("items");
        return (rows.EnumerateArray().Sum(row => row.GetProperty("requests").GetInt64()), rows.EnumerateArray().Sum(row => row.GetProperty("total_tokens").GetInt64()));
    }

    static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        for (var attempt = 0; !await condition(); attempt++)
        {
            Assert.True(attempt < 600, "did not happen within 60 seconds");
            await Task.Delay(TimeSpan.FromMilliseconds(100));
        }
    }

    sealed record Month(long Used, long Reserved);
}
