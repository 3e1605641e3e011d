using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Tenants carry the region their data belongs to.</summary>
[Trait("Category", "Slow")]
public sealed class RegionJourneys
{
    static readonly Dictionary<string, string?> InFrankfurt = new() { ["CONTROLPLANE_REGION"] = "eu-central-1" };

    [Fact]
    public async Task A_tenant_carries_the_region_of_the_installation_it_was_made_at()
    {
        await using var server = await TestServer.StartAsync(settings: InFrankfurt);
        var made = await server.CreateTenantAsync();
        var signedUp = (await (await Person.New().SendAsync(server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        using var desk = server.NewVisitor();
        await desk.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));

        foreach (var tenant in (Guid[])[made.Id, signedUp])
        {
            Assert.Equal("eu-central-1", (await (await server.Operator.GetAsync($"/v1/admin/tenants/{tenant}")).ReadAsync()).GetProperty("region").GetString());
            Assert.Contains("eu-central-1", await desk.GetStringAsync($"/admin/tenants/{tenant}"), StringComparison.Ordinal);
        }

        Assert.Contains("eu-central-1", await desk.GetStringAsync("/admin/tenants"), StringComparison.Ordinal);
        Assert.Equal("eu-central-1", (await (await made.Http.GetAsync("/v1/environment")).ReadAsync()).GetProperty("region").GetString());
    }

    [Fact]
    public async Task A_region_is_never_changed_not_even_by_the_owner_of_the_table()
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
    public async Task Tenants_that_were_there_before_regions_get_the_one_of_the_installation_that_migrates_them()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateTenantAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        await using var transaction = await owner.BeginTransactionAsync();
        await owner.ExecuteAsync("drop trigger region_is_final on control.tenant", default);
        await owner.ExecuteAsync("drop function control.refuse_region_change", default);
        await owner.ExecuteAsync("alter table control.tenant drop column region", default);
        await owner.ExecuteAsync("select set_config('app.region', 'eu-central-1', true)", default);

        var name = Assert.Single(typeof(Migrator).Assembly.GetManifestResourceNames(), name => name.Contains("0012_", StringComparison.Ordinal));
        using var migration = new StreamReader(typeof(Migrator).Assembly.GetManifestResourceStream(name)!);
        await using (var script = new NpgsqlCommand(await migration.ReadToEndAsync(), owner, transaction))
        {
            await script.ExecuteNonQueryAsync();
        }

        // As the version before still does while this one takes over.
        await owner.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, requested_plan, status, created_at)
            values (gen_random_uuid(), 'of-before', 'Organization', 'DE', 'basic', 'pending', now())
            """, default);
        Assert.Equal(["eu-central-1", "eu-central-1"], await owner.QueryAsync("select region from control.tenant", row => row.GetString(0), default));
    }

    [Fact]
    public async Task An_environment_is_not_brought_up_outside_its_tenants_region_but_may_be_removed_there()
    {
        await using var rig = await ProvisioningRig.StartAsync(region: "eu-central-1");
        var tenant = await rig.TenantAsync();
        await rig.AskAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();

        var status = await rig.StatusAsync(tenant);
        Assert.Equal("failed", status.State);
        Assert.Contains("belongs to region local, and this installation is in eu-central-1", status.FailedReason, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(rig.DataFolder, "environments", tenant.Slug)));
        Assert.Equal(0, await rig.AskDatabaseAsync<long>("select count(*) from pg_roles where rolname = $1", $"tenant_{tenant.Slug}"));

        await rig.AskAsync(tenant, RunKinds.Delete);
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
    public void A_region_that_is_none_is_a_clear_error(string region)
    {
        var refused = Assert.Throws<SettingException>(() => LocalHost.Build(
            new Dictionary<string, string?> { ["CONTROLPLANE_DATABASE"] = "Host=localhost", ["CONTROLPLANE_REGION"] = region }, FreePort.Find()));
        Assert.Contains("CONTROLPLANE_REGION", refused.Message, StringComparison.Ordinal);
    }
}
