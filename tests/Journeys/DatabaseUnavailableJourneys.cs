using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support.Fuzzing;
using Npgsql;

namespace ControlPlane.Tests;

public class DatabaseUnavailableJourneys
{
    // Static answers, and pages without any data.
    static readonly string[] WithoutDatabase =
        ["/healthz", "/assets/", "/openapi/", "/terms", "/signup/done", "/forgot/done", "/forgot", "/login", "/admin/login"];

    [Fact]
    public async Task While_the_database_is_unavailable_API_clients_get_503_with_Retry_After_and_browsers_a_page()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        var callers = await Caller.AllAsync(server, tenant);
        await using var outage = await TestCluster.RefuseAsync(server.ConnectionString);
        var payLink = server.Services.GetRequiredService<PayLinks>().TokenOf(tenant.Id);
        var wrong = new List<string>();

        // A webhook that no provider has signed is refused before the database is needed.
        foreach (var route in FuzzedRoute.All(server).Where(route => (route.Method == "GET" || !route.TakesForm) && !route.Pattern.RawText!.StartsWith("/v1/webhooks/{provider", StringComparison.Ordinal)))
        {
            using var request = new HttpRequestMessage(new HttpMethod(route.Method), route.Path(name => name == "token" ? payLink : Value(name, tenant)));
            callers.Single(caller => caller.Name == route.IntendedCaller).Identify(request);
            request.Headers.Add("Accept", "text/html");
            request.Content = route.Method == "GET" ? null : JsonContent.Create(Body(route.Pattern.RawText));
            using var reply = await server.Anonymous.SendAsync(request);
            var body = await reply.Content.ReadAsStringAsync();
            var page = !route.Pattern.RawText!.StartsWith("/v1", StringComparison.Ordinal) && route.Pattern.RawText != "/readyz" || route.Pattern.RawText.TrimEnd('/') == "/v1/verify";
            var asExpected = reply.StatusCode == HttpStatusCode.ServiceUnavailable
                ? reply.Headers.RetryAfter?.Delta is not null && reply.Content.Headers.ContentType?.MediaType == (page ? "text/html" : "application/problem+json")
                    && reply.Headers.Contains("Content-Security-Policy") && !body.Contains("Exception", StringComparison.Ordinal)
                : reply.StatusCode is HttpStatusCode.OK or HttpStatusCode.SeeOther && Array.Exists([.. WithoutDatabase, "/signup"], path => route.Pattern.RawText.StartsWith(path, StringComparison.Ordinal));
            if (!asExpected)
            {
                wrong.Add($"{route}: {(int)reply.StatusCode}, {reply.Content.Headers.ContentType}, Retry-After {reply.Headers.RetryAfter}: {body[..Math.Min(body.Length, 200)]}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Usage_of_an_unverified_sender_is_refused_during_an_outage_and_accepted_afterwards()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        var one = Deliveries.Event("one", server.Clock.GetUtcNow());
        await using (await TestCluster.RefuseAsync(server.ConnectionString))
        {
            using var refused = await server.ReportAsync(tenant, one);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        }

        Assert.Equal(1, (await server.ReportAsync(tenant, one).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task A_database_that_refuses_the_login_counts_as_unavailable()
    {
        var database = await TestCluster.NewDatabaseAsync();
        var login = Names.Random("login");
        await OwnerAsync($"create role {login} superuser login password 'first'");
        await using (var server = await TestServer.StartAsync(database: new NpgsqlConnectionStringBuilder(database) { Username = login, Password = "first" }.ToString()))
        {
            var tenant = await server.CreateTenantAsync();
            await OwnerAsync($"alter role {login} password 'second'");
            await OwnerAsync($"select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '{login}'");

            using var refused = await server.ReportAsync(tenant, Deliveries.Event("one", server.Clock.GetUtcNow()));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        await TestCluster.DropAsync(database, [login]);

        async Task OwnerAsync(string sql)
        {
            await using var owner = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ToString());
            await owner.OpenAsync();
            await owner.ExecuteAsync(sql, default);
        }
    }

    // An invalid body would be refused before the database is needed.
    static object Body(string? route) => route == "/v1/authorize"
        ? new { request_id = "r1", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 }
        : new { };

    static string Value(string parameter, TestTenant tenant) => parameter switch
    {
        "id" or "tenant" => tenant.Id.ToString(),
        "job" => "mail",
        "queue" => "mail",
        "documentName" => "v1",
        "number" => "INV-000001",
        "form" => "restart",
        _ => "something",
    };
}
