using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Each tenant records the region of its data.</summary>
public sealed class RegionJourneys
{
    static readonly Dictionary<string, string?> InFrankfurt = new() { ["CONTROLPLANE_REGION"] = "eu-central-1" };

    [Fact]
    public async Task A_tenant_has_the_region_of_the_installation_that_created_it()
    {
        await using var server = await TestServer.StartAsync(settings: InFrankfurt);
        var created = await server.CreateTenantAsync();
        var signedUp = (await (await Person.New().SendAsync(server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        using var portal = server.NewVisitor();
        await portal.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));

        foreach (var tenant in (Guid[])[created.Id, signedUp])
        {
            Assert.Equal("eu-central-1", (await (await server.Operator.GetAsync($"/v1/admin/tenants/{tenant}")).ReadAsync()).GetProperty("region").GetString());
            Assert.Contains("eu-central-1", await portal.GetStringAsync($"/admin/tenants/{tenant}"), StringComparison.Ordinal);
        }

        Assert.Contains("eu-central-1", await portal.GetStringAsync("/admin/tenants"), StringComparison.Ordinal);
        Assert.Equal("eu-central-1", (await (await created.Http.GetAsync("/v1/environment")).ReadAsync()).GetProperty("region").GetString());
    }

    [Fact]
    public async Task Not_even_the_owner_of_the_table_can_change_a_region()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => owner.ExecuteAsync("update control.tenant set region = 'elsewhere' where id = $1", default, tenant.Id));
        Assert.Equal(PostgresErrorCodes.RestrictViolation, refused.SqlState);
        Assert.Equal(1, await owner.ExecuteAsync("update control.tenant set region = 'local', organization = 'Renamed' where id = $1", default, tenant.Id));
    }

    [Fact]
    public async Task Tenants_from_before_regions_get_that_of_the_installation_that_migrates_them()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateTenantAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        await using var transaction = await owner.BeginTransactionAsync();
        await owner.ExecuteAsync("drop trigger region_is_final on control.tenant", default);
        await owner.ExecuteAsync("drop function control.refuse_region_change", default);
        await owner.ExecuteAsync("alter table control.tenant drop column region", default);
        await owner.ExecuteAsync("select set_config('app.region', 'eu-central-1', true)", default);

        var migration = Assert.Single(SchemaScripts.Migrations, migration => migration.Name == "0012_tenant_region");
        await using (var script = new NpgsqlCommand(migration.Sql, owner, transaction))
        {
            await script.ExecuteNonQueryAsync();
        }

        // As the release before it does while both run.
        await owner.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, requested_plan, status, created_at)
            values (gen_random_uuid(), 'before', 'Organization', 'DE', 'basic', 'pending', now())
            """, default);
        Assert.Equal(["eu-central-1", "eu-central-1"], await owner.QueryAsync("select region from control.tenant", row => row.GetString(0), default));
    }

    [Fact]
    public async Task An_environment_is_not_provisioned_outside_its_tenants_region_but_may_be_deleted_there()
    {
        await using var rig = await ProvisioningRig.StartAsync(region: "eu-central-1");
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();

        var status = await rig.StatusAsync(tenant);
        Assert.Equal("failed", status.State);
        Assert.Contains("belongs to region local, and this installation is in eu-central-1", status.FailedReason, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(rig.DataFolder, "environments", tenant.Id.ToString())));

        await rig.RequestAsync(tenant, RunKinds.Delete);
        await rig.ProvisionAsync();
        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task An_installation_does_not_start_on_the_database_of_another_region()
    {
        await using var server = await TestServer.StartAsync(settings: InFrankfurt);
        await server.CreateTenantAsync();
        await using var elsewhere = LocalHost.Build(
            new Dictionary<string, string?>
            {
                ["CONTROLPLANE_DATABASE"] = server.ConnectionString,
                ["CONTROLPLANE_DATA"] = server.DataFolder,
                ["CONTROLPLANE_REGION"] = "us-east-1",
                ["CONTROLPLANE_SANDBOX"] = "true",
            },
            FreePort.Find());
        var refused = await Assert.ThrowsAsync<CommandFailedException>(() => elsewhere.PrepareAsync(default));
        Assert.Contains("CONTROLPLANE_REGION is us-east-1: set it to eu-central-1", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("EU Central")]
    [InlineData("-eu")]
    [InlineData("eu\n")]
    public void An_invalid_region_is_a_clear_error(string region)
    {
        var refused = Assert.Throws<SettingException>(() => LocalHost.Build(
            new Dictionary<string, string?> { ["CONTROLPLANE_DATABASE"] = "Host=localhost", ["CONTROLPLANE_REGION"] = region }, FreePort.Find()));
        Assert.Contains("CONTROLPLANE_REGION", refused.Message, StringComparison.Ordinal);
    }
}
