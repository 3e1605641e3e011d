using Npgsql;

namespace ControlPlane.Tests;

/// <summary>An environment's own database server, as its container starts it, and what its logins can do there.</summary>
public sealed class EnvironmentDatabaseJourneys
{
    static readonly Dictionary<string, string> Secrets = new() { [SecretNames.DatabasePassword] = "of-open-webui", [SecretNames.GatewayDatabasePassword] = "of-the-gateway" };

    [Fact]
    public async Task Over_the_network_only_the_two_logins_connect_and_only_to_the_environments_database()
    {
        await using var server = await EnvironmentServer.StartAsync(Secrets);
        await (await ConnectAsync(server)).DisposeAsync();
        await (await ConnectAsync(server, asGateway: true)).DisposeAsync();

        (string Login, string Database)[] refused = [("postgres", "environment"), ("postgres", "postgres"), ("open_webui", "postgres"), ("litellm", "template1"), ("other", "environment")];
        foreach (var (login, database) in refused)
        {
            var refusal = await Assert.ThrowsAsync<PostgresException>(() => server.ConnectAsync(login, Secrets[SecretNames.DatabasePassword], database));
            Assert.Equal((login, PostgresErrorCodes.InvalidAuthorizationSpecification), (login, refusal.SqlState));
        }

        var password = await Assert.ThrowsAsync<PostgresException>(() => server.ConnectAsync("litellm", Secrets[SecretNames.DatabasePassword]));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, password.SqlState);
    }

    [Fact]
    public async Task Each_login_owns_one_schema_and_has_no_other_rights()
    {
        await using var server = await EnvironmentServer.StartAsync(Secrets);
        await using var webui = await ConnectAsync(server);
        await using var gateway = await ConnectAsync(server, asGateway: true);
        foreach (var (connection, schema) in new[] { (webui, "open_webui"), (gateway, "litellm") })
        {
            await connection.ExecuteAsync("create table chat (id int)", default);
            await connection.ExecuteAsync("insert into chat values (1)", default);
            Assert.Equal(schema, await connection.ScalarAsync<string>("select min(schemaname::text) from pg_tables where tablename = 'chat' and tableowner = current_user", default));
        }

        string[] forbidden =
        [
            "select 1 from litellm.chat", "drop schema litellm cascade", "create schema elsewhere", "create table public.t (id int)", "create temporary table t (id int)",
            "create role another", "create database another", "set role litellm", "set role postgres", "select 1 from pg_authid", "copy chat to program 'id'",
            "select pg_read_file('/etc/passwd')", "create extension postgres_fdw", "set temp_file_limit = -1", "alter system set max_connections = 1000",
            "alter database environment connection limit 1", "alter role open_webui connection limit 100", "alter role litellm password 'known'",
        ];
        foreach (var sql in forbidden)
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => webui.ExecuteAsync(sql, default));
            Assert.Equal((sql, PostgresErrorCodes.InsufficientPrivilege), (sql, refused.SqlState));
        }
    }

    [Fact]
    public async Task A_login_has_a_connection_limit_and_timeouts()
    {
        await using var server = await EnvironmentServer.StartAsync(Secrets);
        var open = new List<NpgsqlConnection>();
        try
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(async () =>
            {
                for (var count = 0; count <= 20; count++)
                {
                    open.Add(await ConnectAsync(server));
                }
            });
            Assert.Equal((12, PostgresErrorCodes.TooManyConnections), (open.Count, refused.SqlState));
            await (await ConnectAsync(server, asGateway: true)).DisposeAsync();
            Assert.Equal(
                "15min 1min",
                await open[0].ScalarAsync<string>("select current_setting('statement_timeout') || ' ' || current_setting('idle_in_transaction_session_timeout')", default));
        }
        finally
        {
            foreach (var connection in open)
            {
                await connection.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task What_exhausts_an_environments_server_does_not_reach_the_control_plane_or_another_environment()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var (tenant, other) = (await ReadyAsync(rig), await ReadyAsync(rig));
        await using var environment = await rig.ConnectAsync(tenant);
        var exhausted = await Assert.ThrowsAsync<PostgresException>(
            () => environment.ExecuteAsync("select pg_advisory_lock(n) from generate_series(1, 10000000) n", default));
        Assert.Equal(PostgresErrorCodes.OutOfMemory, exhausted.SqlState);

        await rig.RequestAsync(other, RunKinds.Restart);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(other)).State);
        await using var neighbour = await rig.ConnectAsync(other);
        await neighbour.ExecuteAsync("create table chat (id int)", default);
    }

    [Fact]
    public async Task A_server_keeps_its_data_when_it_starts_again_and_an_initialization_that_was_interrupted_starts_over()
    {
        await using var server = await EnvironmentServer.StartAsync(Secrets);
        await using (var webui = await ConnectAsync(server))
        {
            await webui.ExecuteAsync("create table chat (id int)", default);
            // A client can change its own timeouts until the server starts again.
            await webui.ExecuteAsync("alter role open_webui set statement_timeout = 0", default);
        }

        await server.StopAsync();
        await server.StartAsync();
        await using (var webui = await ConnectAsync(server))
        {
            Assert.Equal(0, await webui.ScalarAsync<long>("select count(*) from chat", default));
            Assert.Equal("15min", await webui.ScalarAsync<string>("select current_setting('statement_timeout')", default));
        }

        await server.StopAsync();
        // As if it had been killed before the end.
        Directory.Move(Path.Combine(server.Folder, "cluster"), Path.Combine(server.Folder, "cluster.new"));
        await server.StartAsync();
        await using var fresh = await ConnectAsync(server);
        Assert.Equal(0, await fresh.ScalarAsync<long>("select count(*) from pg_tables where schemaname = 'open_webui'", default));
    }

    [Fact]
    public async Task Neither_a_password_nor_a_value_is_logged()
    {
        await using var server = await EnvironmentServer.StartAsync(Secrets);
        await using (var webui = await ConnectAsync(server))
        {
            await webui.ExecuteAsync("create table chat (title text primary key)", default);
            await webui.ExecuteAsync("insert into chat values ('what a user wrote')", default);
            await Assert.ThrowsAsync<PostgresException>(() => webui.ExecuteAsync("insert into chat values ('what a user wrote')", default));
        }

        await server.StopAsync();
        Assert.Contains("duplicate key", server.Log, StringComparison.Ordinal);
        Assert.All(["what a user wrote", "SCRAM-SHA-256$", .. Secrets.Values], (string secret) => Assert.DoesNotContain(secret, server.Log, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_environment_that_is_deleted_leaves_nothing_on_the_control_planes_server()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var tenant = await ReadyAsync(rig);
        var name = await rig.DatabaseNameAsync(tenant);
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_database where datname = $1", name));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_roles where rolname like $1 || '%'", name));
        await rig.RequestAsync(tenant, RunKinds.Delete);
        await rig.ProvisionAsync();
        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task A_tenant_sees_one_sentence_when_its_database_server_does_not_start()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        await File.WriteAllTextAsync(Path.Combine(rig.DataFolder, "environments"), "in the way");
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();

        Assert.Equal(("failed", "database"), ((await rig.StatusAsync(tenant)).State, (await rig.StatusAsync(tenant)).FailedStep));
        await using var transaction = await rig.Database.BeginAsync(tenant.Id, default);
        var shown = (await EnvironmentStatus.ReadAsync(transaction, rig.Get<ControlPlaneOptions>(), tenant.Id, default))!;
        Assert.Equal("The environment's database could not be set up.", shown.FailedReason);
        Assert.DoesNotContain(shown.Steps, step => step.Detail is not null && step.Detail != shown.FailedReason);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("3", 3)]
    public async Task Operators_see_how_many_environments_there_are_and_may_be(string? setting, int? capacity)
    {
        await using var server = await TestServer.StartAsync(settings: new Dictionary<string, string?> { ["CONTROLPLANE_ENVIRONMENTS"] = setting });
        await server.CreateTenantAsync();
        await server.RunJobAsync("provision");
        var shown = await (await server.Operator.GetAsync("/v1/admin/capacity")).ReadAsync();
        Assert.Equal((1, 0, false), (shown.GetProperty("environments").GetInt32(), shown.GetProperty("waiting").GetInt32(), shown.GetProperty("is_exceeded").GetBoolean()));
        Assert.Equal(capacity, shown.TryGetProperty("capacity", out var number) ? number.GetInt32() : null);
    }

    [Theory]
    [InlineData(19, 19, false)]
    [InlineData(19, 20, true)]
    [InlineData(null, 20, false)]
    public void Environments_beyond_the_room_for_them_exceed_the_capacity(int? capacity, int environments, bool exceeded) =>
        Assert.Equal(exceeded, new EnvironmentCapacity(capacity, environments, Waiting: 0).IsExceeded);

    static Task<NpgsqlConnection> ConnectAsync(EnvironmentServer server, bool asGateway = false) => asGateway
        ? server.ConnectAsync("litellm", Secrets[SecretNames.GatewayDatabasePassword])
        : server.ConnectAsync("open_webui", Secrets[SecretNames.DatabasePassword]);

    static async Task<RigTenant> ReadyAsync(ProvisioningRig rig)
    {
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        return tenant;
    }
}
