using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What still works for a tenant that is deleted or suspended.</summary>
public sealed class DeletedTenantJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task All_credentials_of_a_deleted_tenant_stop_within_five_seconds()
    {
        var (person, tenant) = await SignUpWithEnvironmentAsync();
        var gateway = await GatewayAsync(tenant);
        using var browser = await person.SignInAsync(_server);
        var invited = new Person($"colleague@{tenant.Slug}.example", tenant.Slug);
        await _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant.Id, invited.Email, "viewer", "test", CancellationToken.None);
        await browser.SubmitAsync("/forgot", "/forgot", ("email", person.Email));
        var invitation = (await invited.MailsAsync(_server)).Single().Link("/invite").PathAndQuery;
        var reset = (await person.MailsAsync(_server)).Single(mail => mail.Subject == "Choose a new password").Link("/reset").PathAndQuery;
        await VerifySendersAsync(tenant);

        (await _server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/delete", content: null)).EnsureSuccessStatusCode();
        await _server.RunJobAsync("provision");
        await Task.Delay(Limit);

        Assert.Equal(HttpStatusCode.Unauthorized, (await tenant.Http.GetAsync("/v1/keys")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await tenant.PostAsync(Event("late"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await tenant.PostAuthorizeAsync(Authorization())).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await _server.PostSignedAsync(tenant, Event("signed"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await gateway.PostAsync(Event("gateway"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await gateway.PostAuthorizeAsync(Authorization())).StatusCode);
        Assert.Equal("/login", (await browser.GetAsync("/app")).RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Equal(HttpStatusCode.Gone, (await browser.GetAsync(invitation)).StatusCode);
        Assert.Equal(HttpStatusCode.Gone, (await browser.GetAsync(reset)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SubmitAsync("/login", "/login", ("email", person.Email), ("password", person.Password))).StatusCode);
    }

    [Fact]
    public async Task Access_ends_when_the_deletion_is_requested_and_the_gateway_reports_its_last_usage()
    {
        var (person, tenant) = await SignUpWithEnvironmentAsync();
        var gateway = await GatewayAsync(tenant);
        using var browser = await person.SignInAsync(_server);
        await using (var transaction = await _server.Database.BeginJobAsync(CancellationToken.None))
        {
            // The environment cannot be removed yet.
            await transaction.MarkDeletionRequestedAsync(_server.Clock, tenant.Id, CancellationToken.None);
            await transaction.CommitAsync(CancellationToken.None);
        }

        Assert.Equal(HttpStatusCode.Unauthorized, (await tenant.Http.GetAsync("/v1/keys")).StatusCode);
        Assert.Equal("/login", (await browser.GetAsync("/app")).RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Equal(1, (await gateway.PostAsync(Event("last")).CountsAsync()).Accepted);
        var resumed = await _server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/suspend", content: null);
        Assert.Equal(HttpStatusCode.Conflict, resumed.StatusCode);
    }

    [Fact]
    public async Task A_suspended_tenant_is_denied_calls_while_its_usage_counts_and_its_members_sign_in()
    {
        var (person, tenant) = await SignUpWithEnvironmentAsync();
        (await _server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/suspend", content: null)).EnsureSuccessStatusCode();

        Assert.Equal("suspended", (await tenant.AuthorizeAsync(1)).Reason);
        Assert.Equal(1, (await tenant.PostAsync(Event("counted")).CountsAsync()).Accepted);
        Assert.Equal(1, (await _server.ReportAsync(tenant, Deliveries.Event("signed", _server.Clock.GetUtcNow())).CountsAsync()).Accepted);
        using var browser = await person.SignInAsync(_server);
        foreach (var page in (string[])["/app", "/app/invoices", "/app/keys"])
        {
            Assert.Equal(page, (await browser.GetAsync(page)).RequestMessage!.RequestUri!.AbsolutePath);
        }

        Assert.Equal(HttpStatusCode.OK, (await tenant.Http.GetAsync("/v1/usage")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await tenant.Http.GetAsync("/v1/invoices")).StatusCode);
    }

    /// <summary>Signs up, creates a key and waits for the environment.</summary>
    async Task<(Person Person, TestTenant Tenant)> SignUpWithEnvironmentAsync()
    {
        var person = Person.New();
        var id = await person.CompleteAsync(_server);
        while (await _server.ReadAsync<string>("select state from control.environment where tenant_id = $1", id) != "ready")
        {
            await _server.RunJobAsync("provision");
        }

        var created = (CreateKeyResult.Created)await _server.Services.GetRequiredService<CreateKey>().RunAsync(id, new("app", [KeyScopes.Admin]), "test", CancellationToken.None);
        var http = _server.NewClient(created.Key.Key);
        var secret = (await (await http.PostAsync("/v1/webhook-secret/rotate", content: null)).ReadAsync()).GetProperty("webhook_secret").GetString()!;
        return (person, new TestTenant(id, person.Slug, created.Key.Key, secret, http));
    }

    async Task<TestTenant> GatewayAsync(TestTenant tenant)
    {
        var secrets = await _server.Services.GetRequiredService<ISecretStore>().ReadAsync(tenant.Id, CancellationToken.None);
        return tenant with { Http = _server.NewClient(secrets[SecretNames.GatewayKey]) };
    }

    // So that caches know the key and the secret.
    async Task VerifySendersAsync(TestTenant tenant)
    {
        await _server.ReportAsync(tenant).CountsAsync();
        await tenant.PostAsync("[]").CountsAsync();
    }

    string Event(string id) => JsonSerializer.Serialize(Deliveries.Event(id, _server.Clock.GetUtcNow()));

    static object Authorization() => new { request_id = Names.Random("r"), user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 };
}
