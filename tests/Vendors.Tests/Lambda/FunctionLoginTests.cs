using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Lambda;
using ControlPlane.Lambda.Web;
using ControlPlane.Lambda.Work;
using ControlPlane.Tests.Aws;
using Npgsql;

namespace ControlPlane.Tests.Lambda;

/// <summary>Each function works with its own database login, which has only the rights that it needs.</summary>
[Collection(MigrateDatabaseTests.Logins)]
[Trait("Category", "Slow")]
public sealed class FunctionLoginTests : IAsyncLifetime
{
    LambdaRig _rig = null!;

    public async Task InitializeAsync()
    {
        _rig = await LambdaRig.StartAsync();
        await new CreateFunctionLogins(_rig.Database).RunAsync("rds_iam", default);
        foreach (var login in FunctionLogin.All)
        {
            await OwnerAsync($"alter role {login.Name} password 'secret'");
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var login in FunctionLogin.All)
        {
            await OwnerAsync($"drop owned by {login.Name}");
            await OwnerAsync($"drop role {login.Name}");
        }

        await _rig.DisposeAsync();
    }

    [Fact]
    public void Every_function_except_the_owners_has_its_own_login() =>
        Assert.Equal(FunctionLogin.All.Select(login => login.Function).Append("database").Order(StringComparer.Ordinal), Functions.All.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public async Task With_their_own_logins_the_functions_serve_a_tenant_and_run_every_job()
    {
        SignInAs("api");
        var (tenant, key, _) = await _rig.TenantAsync();
        await using (var api = await WebRig.StartAsync(_rig.Environment, ApiFunction.Build))
        {
            await OkAsync(api.Operator.GetAsync("/v1/admin/tenants"));
            await OkAsync(api.CloudFront.GetAsync("/"));
            using var gateway = api.NewClient(key);
            await OkAsync(gateway.GetAsync("/v1/subscription"));
            await OkAsync(gateway.GetAsync("/v1/keys"));
        }

        SignInAs("authorize");
        await using (var authorize = await WebRig.StartAsync(_rig.Environment, UsageFunction.Build))
        {
            using var gateway = authorize.NewClient(key);
            var authorized = await OkAsync(gateway.PostAsJsonAsync("/v1/authorize", new { request_id = "r1", user = "u", model = "mistral:7b-instruct", estimated_tokens = 10 }));
            Assert.Equal("environment_not_ready", authorized.GetProperty("reason").GetString());
        }

        SignInAs("usage");
        await using (var usage = await WebRig.StartAsync(_rig.Environment, UsageFunction.Build))
        {
            using var gateway = usage.NewClient(key);
            // The first event of its month, which has no partition yet.
            var reported = await OkAsync(gateway.PostAsJsonAsync("/v1/usage", new
            {
                id = "e1",
                occurred_at = TimeProvider.System.GetUtcNow(),
                user = "u",
                model = "mistral:7b-instruct",
                prompt_tokens = 1,
                completion_tokens = 1,
            }));
            Assert.Equal(1, reported.GetProperty("accepted").GetInt64());
            // This function cannot read operator keys, and an operator's key is not a tenant's.
            Assert.Equal(HttpStatusCode.Unauthorized, (await usage.Operator.PostAsJsonAsync("/v1/usage", new { id = "e2" })).StatusCode);
        }

        SignInAs("provision");
        var provision = await _rig.ComposeAsync("provision");
        await LambdaRig.InvokeAsync(provision, """{"job": "provision"}""");
        SignInAs("jobs");
        var jobs = await _rig.ComposeAsync("jobs");
        foreach (var job in JobsFunction.Serves)
        {
            Assert.Equal("succeeded", (await LambdaRig.InvokeAsync(jobs, JsonSerializer.Serialize(new { job = job.Name }))).GetProperty("outcome").GetString());
        }

        await using var transaction = await _rig.Database.BeginJobAsync(default);
        Assert.Equal("ready", await transaction.ScalarAsync<string>("select state from control.environment where tenant_id = $1", default, tenant));
    }

    void SignInAs(string function) => _rig.Settings["CONTROLPLANE_DATABASE"] = new NpgsqlConnectionStringBuilder(_rig.ConnectionString)
    {
        Username = FunctionLogin.All.Single(login => login.Function == function).Name,
        Password = "secret",
    }.ToString();

    static async Task<JsonElement> OkAsync(Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        return text.StartsWith('{') ? JsonDocument.Parse(text).RootElement : default;
    }

    async Task OwnerAsync(string sql)
    {
        await using var owner = await _rig.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(sql, default);
    }
}
