using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Named operators with roles.</summary>
public sealed class OperatorJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task An_operator_acts_under_their_own_name_until_the_key_is_revoked()
    {
        var name = Names.Random("Ada");
        var (id, key) = await _server.CreateOperatorAsync(name, "support");
        var tenant = await _server.CreateTenantAsync();
        using var ada = _server.NewClient(key);
        using var browser = await _server.SignInOperatorAsync(key);
        Assert.StartsWith("cpo_", key, StringComparison.Ordinal);

        (await ada.PutAsJsonAsync($"/v1/admin/tenants/{tenant.Id}/limits", new { tokens_per_day = 5, reason = "test" })).EnsureSuccessStatusCode();
        (await ada.DeleteAsync($"/v1/admin/tenants/{tenant.Id}/limits")).EnsureSuccessStatusCode();
        (await ada.PostAsync("/v1/admin/jobs/retention/run", content: null)).EnsureSuccessStatusCode();
        (await ada.PostAsync($"/v1/admin/tenants/{tenant.Id}/suspend", content: null)).EnsureSuccessStatusCode();
        var page = await browser.SubmitAsync($"/admin/tenants/{tenant.Id}", $"/admin/tenants/{tenant.Id}/resume");
        Assert.Equal($"/admin/tenants/{tenant.Id}", page.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Contains(name, await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(
            ["operator.signed_in", "limits.overridden", "limits.override_removed", "job.run", "environment.suspend_requested", "environment.resume_requested"],
            await _server.AuditAsync($"operator:{name}"));

        Assert.Equal(HttpStatusCode.NoContent, (await _server.Operator.DeleteAsync($"/v1/admin/operators/{id}")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await _server.Operator.DeleteAsync($"/v1/admin/operators/{id}")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ada.GetAsync("/v1/admin/tenants")).StatusCode);
        Assert.Equal("/admin/login", (await browser.GetAsync("/admin")).RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.DeleteAsync($"/v1/admin/operators/{Ids.New(_server.Clock)}")).StatusCode);
    }

    [Fact]
    public async Task A_name_belongs_to_one_operator_at_a_time()
    {
        var name = Names.Random("Ben");
        var (id, _) = await _server.CreateOperatorAsync(name, "billing");
        var again = new { name = name.ToUpperInvariant(), role = "admin" };
        Assert.Equal(HttpStatusCode.Conflict, (await _server.Operator.PostAsJsonAsync("/v1/admin/operators", again)).StatusCode);
        await _server.Operator.DeleteAsync($"/v1/admin/operators/{id}");
        Assert.Equal(HttpStatusCode.Created, (await _server.Operator.PostAsJsonAsync("/v1/admin/operators", again)).StatusCode);

        var listed = (await (await _server.Operator.GetAsync("/v1/admin/operators")).ReadAsync()).GetProperty("items").EnumerateArray()
            .Where(item => item.GetProperty("name").GetString()!.Equals(name, StringComparison.OrdinalIgnoreCase)).ToList();
        Assert.Equal(["admin", "billing"], listed.Select(item => item.GetProperty("role").GetString()));
        Assert.Equal([false, true], listed.Select(item => item.TryGetProperty("revoked_at", out _)));
        Assert.All(listed, item => Assert.Equal("operator", item.GetProperty("created_by").GetString()));
    }

    [Theory]
    [InlineData("", "support")]
    [InlineData("two\nlines", "support")]
    [InlineData("Eve", "owner")]
    [InlineData("Eve", null)]
    public async Task An_operator_needs_a_name_and_a_role(string name, string? role) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await _server.Operator.PostAsJsonAsync("/v1/admin/operators", new { name, role })).StatusCode);

    [Fact]
    public async Task A_replaced_key_of_the_setting_leaves_named_operators_alone()
    {
        var database = await TestCluster.NewDatabaseAsync();
        var server = await TestServer.StartAsync(database: database);
        var (_, key) = await server.CreateOperatorAsync("Cleo", "admin");
        await using (var transaction = await server.Database.BeginJobAsync(CancellationToken.None))
        {
            await transaction.ReplaceOperatorKeyAsync(server.Clock, Credentials.New(Credentials.OperatorKeyPrefix), CancellationToken.None);
            await transaction.CommitAsync(CancellationToken.None);
        }

        using var cleo = server.NewClient(key);
        Assert.Equal(HttpStatusCode.OK, (await cleo.GetAsync("/v1/admin/tenants")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Operator.GetAsync("/v1/admin/tenants")).StatusCode);
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Guesses_at_operator_keys_are_slowed_down_with_Retry_After()
    {
        await using var strict = await TestServer.StartAsync(sandbox: false);
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 7; i++)
        {
            using var guess = strict.NewClient($"cpo_guess-number-{i}");
            using var reply = await guess.GetAsync("/v1/admin/tenants");
            statuses.Add(reply.StatusCode);
            if (reply.StatusCode == HttpStatusCode.TooManyRequests)
            {
                Assert.InRange(reply.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 900);
            }
        }

        Assert.Equal(HttpStatusCode.Unauthorized, statuses[0]);
        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
        using var browser = strict.NewVisitor();
        Assert.Equal(HttpStatusCode.TooManyRequests, (await browser.SubmitAsync("/admin/login", "/admin/login", ("key", "cpo_guess"))).StatusCode);

        // Tenants of the same network are not affected, and the right key works when the delay is over.
        using var unknown = strict.NewClient("cpt_unknown");
        Assert.Equal(HttpStatusCode.Unauthorized, (await unknown.GetAsync("/v1/keys")).StatusCode);
        for (var attempt = 0; (await strict.Operator.GetAsync("/v1/admin/tenants")).StatusCode != HttpStatusCode.OK; attempt++)
        {
            Assert.True(attempt < 100, "the delay did not end");
            await Task.Delay(100);
        }
    }
}
