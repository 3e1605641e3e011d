using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>What a tenant chooses for its Open WebUI, over the API and in the portal.</summary>
public sealed class ChatSettingsJourneys
{
    [Fact]
    public async Task An_owner_chooses_them_and_the_environment_has_them_after_a_restart()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateReadyTenantAsync();
        Assert.False((await (await tenant.Http.GetAsync("/v1/environment/settings")).ReadAsync()).GetProperty("signup").GetBoolean());
        var models = (await (await tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("models").EnumerateArray().Select(model => model.GetString()!).ToList();
        var wanted = new { signup = true, default_model = "mistral:7b-instruct", banner = " Training on Friday " };
        Assert.Contains(wanted.default_model, models);

        var saved = await (await tenant.Http.PutAsJsonAsync("/v1/environment/settings", wanted)).ReadAsync();

        Assert.Equal("Training on Friday", saved.GetProperty("banner").GetString());
        Assert.Equal(1, await server.ReadAsync<long>("select count(*) from control.audit_log where action = 'environment.settings_changed' and tenant_id = $1", tenant.Id));
        Assert.DoesNotContain("Training", await ComposeFileAsync(server, tenant), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Accepted, (await tenant.Http.PostAsync("/v1/environment/restart", null)).StatusCode);
        await server.RunJobAsync("provision");
        var compose = await ComposeFileAsync(server, tenant);
        Assert.Contains("Training on Friday", compose, StringComparison.Ordinal);
        Assert.Contains("DEFAULT_USER_ROLE: pending", compose, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"signup\":false,\"default_model\":\"claude-3-opus\"}", "default_model")]
    [InlineData("{\"signup\":false,\"banner\":\"two\\nlines\"}", "banner")]
    public async Task What_cannot_be_applied_is_refused_with_what_to_send_instead(string body, string field)
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateReadyTenantAsync();
        var reply = await tenant.Http.PutAsync("/v1/environment/settings", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains($"\"{field}\"", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_portal_has_a_form_for_owners_that_keeps_what_was_entered()
    {
        await using var server = await TestServer.StartAsync();
        var person = Person.New() with { Plan = "basic" };
        await person.CompleteAsync(server);
        await server.RunJobAsync("provision");
        using var browser = await person.SignInAsync(server);

        using var refused = await browser.SubmitAsync("/app/environment", "/app/environment/settings", ("banner", new string('x', 501)));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("Enter at most 500 characters.", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        using var saved = await browser.SubmitAsync("/app/environment", "/app/environment/settings", ("banner", "Hello"), ("signup", "true"), ("default_model", ""));
        var page = await saved.Content.ReadAsStringAsync();
        Assert.Contains("Saved. Restart the environment to apply it.", page, StringComparison.Ordinal);
        Assert.Contains("value=\"Hello\"", page, StringComparison.Ordinal);
    }

    static Task<string> ComposeFileAsync(TestServer server, TestTenant tenant) =>
        File.ReadAllTextAsync(Path.Combine(server.DataFolder, "environments", tenant.Id.ToString(), "compose.yaml"));
}
