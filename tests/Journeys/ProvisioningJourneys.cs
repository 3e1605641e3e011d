using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

public sealed class ProvisioningJourneys
{
    [Fact, Trait("Category", "Quick")]
    public async Task A_new_environment_becomes_ready_with_its_files_on_disk_and_no_secret_in_the_mail()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        Assert.Equal(EnvironmentState.Requested, await rig.RequestAsync(tenant, RunKinds.Provision));

        await rig.ProvisionAsync();

        var status = await rig.StatusAsync(tenant);
        Assert.Equal(("ready", "rendered", null), (status.State, status.Detail, status.FailedReason));
        Assert.All(status.Steps, step => Assert.Equal("done", step.State));
        var folder = Path.Combine(rig.DataFolder, "environments", tenant.Id.ToString());
        Assert.All(["compose.yaml", "litellm/config.yaml", "database/start.sh", "database/logins.sql", ".env"], file => Assert.True(File.Exists(Path.Combine(folder, file)), file));
        Assert.True(Directory.Exists(Path.Combine(rig.DataFolder, "models", tenant.Id.ToString())));
        var mail = await rig.ScalarAsync<string>("select body from control.outbox where tenant_id = $1", tenant.Id);
        Assert.Contains(status.Address, mail, StringComparison.Ordinal);
        var secrets = await rig.Get<ISecretStore>().ReadAsync(tenant.Id, default);
        Assert.All(secrets.Values, secret => Assert.DoesNotContain(secret, mail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_owner_is_welcomed_once_even_after_the_mail_was_deleted()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        await rig.ProvisionAsync();
        // As after its retention.
        Assert.Equal(1, await rig.ScalarAsync<long>("with deleted as (delete from control.outbox returning 1) select count(*) from deleted"));

        // As the move of an old environment does.
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();

        var status = await rig.StatusAsync(tenant);
        Assert.Equal(("ready", "the owner was notified before"), (status.State, status.Steps.Single(step => step.Name == "welcome").Detail));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from control.outbox"));
    }

    [Fact]
    public async Task The_gateways_key_is_valid_until_the_environment_is_deleted()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        await ReadyAsync(server, tenant);
        var secrets = await ((ISecretStore)server.Services.GetService(typeof(ISecretStore))!).ReadAsync(tenant.Id, default);
        using var gateway = server.NewClient(secrets[SecretNames.GatewayKey]);

        Assert.Equal(HttpStatusCode.OK, (await gateway.PostAsJsonAsync("/v1/usage", Deliveries.Event("e1", server.Clock.GetUtcNow()))).StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, (await server.Operator.DeleteAsync($"/v1/admin/tenants/{tenant.Id}")).StatusCode);
        await ProvisionAsync(server);
        Assert.Equal(HttpStatusCode.Unauthorized, (await gateway.PostAsJsonAsync("/v1/usage", Deliveries.Event("e2", server.Clock.GetUtcNow()))).StatusCode);
    }

    [Fact]
    public async Task Suspend_resume_restart_retry_and_delete_return_the_new_state_or_a_reason()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        await ReadyAsync(server, tenant);

        await Expect(tenant.Http, "/v1/environment/restart", HttpStatusCode.Accepted, "updating");
        await ProvisionAsync(server);
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/resume", HttpStatusCode.Conflict, "only a suspended one");
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/retry", HttpStatusCode.Conflict, "only a failed one");
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/suspend", HttpStatusCode.Accepted, "updating");
        await ProvisionAsync(server);
        Assert.Equal("suspended", await StateAsync(tenant));
        await Expect(tenant.Http, "/v1/environment/restart", HttpStatusCode.Conflict, "when it is ready");
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/suspend", HttpStatusCode.Conflict, "only an active one");
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/resume", HttpStatusCode.Accepted, "updating");
        await ProvisionAsync(server);
        Assert.Equal("ready", await StateAsync(tenant));
        await Expect(tenant.Http, $"/v1/admin/tenants/{tenant.Id}/delete", HttpStatusCode.Forbidden, "");
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/delete", HttpStatusCode.Accepted, "deleting");
        await ProvisionAsync(server);
        await Expect(server.Operator, $"/v1/admin/tenants/{tenant.Id}/delete", HttpStatusCode.Conflict, "deleted already");
        await Expect(server.Operator, $"/v1/admin/tenants/{Guid.Empty}/retry", HttpStatusCode.NotFound, "no such environment");
        await Expect(tenant.Http, $"/v1/admin/tenants/{tenant.Id}/delete", HttpStatusCode.Unauthorized, "");
    }

    [Fact]
    public async Task A_deletion_removes_files_and_secrets_and_keeps_the_usage()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync("enterprise");
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();
        await rig.ScalarAsync<int>(
            "insert into control.usage_counter values ($1, '2026-01-01', 'mistral:7b', 'u', 1, 2, 3, 0) returning 1", tenant.Id);

        Assert.Equal(EnvironmentState.Deleting, await rig.RequestAsync(tenant, RunKinds.Delete));
        await rig.ProvisionAsync();

        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
        Assert.Equal("deleted", await rig.ScalarAsync<string>("select status from control.tenant where id = $1", tenant.Id));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from control.tenant_secret where tenant_id = $1", tenant.Id));
        Assert.Empty(Directory.GetDirectories(Path.Combine(rig.DataFolder, "environments")).Concat(Directory.GetDirectories(Path.Combine(rig.DataFolder, "models"))));
        Assert.Equal(1, await rig.ScalarAsync<long>("select count(*) from control.usage_counter where tenant_id = $1", tenant.Id));
        Assert.Equal(EnvironmentState.Deleted, await rig.RequestAsync(tenant, RunKinds.Provision));
    }

    [Fact]
    public async Task Only_owners_see_the_first_administrators_password_and_access_is_audited()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await rig.TenantAsync();
        var access = rig.Get<EnvironmentAccess>();
        Assert.IsType<EnvironmentAccessResult.NotAvailable>(await access.RunAsync(tenant.Id, "owner", "member:1", default));
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();

        Assert.IsType<EnvironmentAccessResult.NotAllowed>(await access.RunAsync(tenant.Id, "viewer", "member:2", default));
        var shown = Assert.IsType<EnvironmentAccessResult.Shown>(await access.RunAsync(tenant.Id, "owner", "member:1", default));

        Assert.Equal($"owner@{tenant.Slug}.example", shown.Email);
        Assert.Contains(shown.Password, await File.ReadAllTextAsync(Path.Combine(rig.DataFolder, "environments", tenant.Id.ToString(), ".env")), StringComparison.Ordinal);
        Assert.Equal(
            "member:1", await rig.ScalarAsync<string>("select actor from control.audit_log where action = 'environment.administrator_shown'"));
    }

    static async Task ReadyAsync(TestServer server, TestTenant tenant)
    {
        await ProvisionAsync(server);
        Assert.Equal("ready", await StateAsync(tenant));
    }

    // Also waits for runs that the server's own scheduler has claimed.
    static async Task ProvisionAsync(TestServer server)
    {
        await ((RunProvisioning)server.Services.GetService(typeof(RunProvisioning))!).RunAsync(default);
        await using var transaction = await server.Database.BeginJobAsync(default);
        while (await transaction.ScalarAsync<bool>("select exists (select from control.provisioning_run where state in ('queued', 'running'))", default))
        {
            await Task.Delay(50);
        }
    }

    static async Task<string?> StateAsync(TestTenant tenant) => (await (await tenant.Http.GetAsync("/v1/environment")).ReadAsync()).GetProperty("state").GetString();

    static async Task Expect(HttpClient http, string path, HttpStatusCode status, string text)
    {
        var reply = await http.PostAsync(path, content: null);
        var body = await reply.Content.ReadAsStringAsync();
        Assert.Equal((status, true), (reply.StatusCode, body.Contains(text, StringComparison.Ordinal)));
    }
}
