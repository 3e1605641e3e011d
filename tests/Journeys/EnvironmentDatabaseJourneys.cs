using Npgsql;

namespace ControlPlane.Tests;

/// <summary>What an environment's logins can do on the database server.</summary>
public sealed class EnvironmentDatabaseJourneys
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_login_connects_to_its_own_database_only(bool asGateway)
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var (tenant, other) = (await ReadyAsync(rig), await ReadyAsync(rig));
        await (await rig.ConnectAsync(tenant, asGateway)).DisposeAsync();

        var control = new NpgsqlConnectionStringBuilder(rig.ConnectionString).Database!;
        foreach (var database in new[] { control, await rig.DatabaseNameAsync(other), "postgres", "template1" })
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => rig.ConnectAsync(tenant, asGateway, database));
            Assert.Equal((database, PostgresErrorCodes.InsufficientPrivilege), (database, refused.SqlState));
        }
    }

    [Fact]
    public async Task Each_login_owns_one_schema_and_has_no_other_rights()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await ReadyAsync(rig);
        await using var webui = await rig.ConnectAsync(tenant);
        await using var gateway = await rig.ConnectAsync(tenant, asGateway: true);
        foreach (var (connection, schema) in new[] { (webui, "open_webui"), (gateway, "litellm") })
        {
            await connection.ExecuteAsync("create table chat (id int)", default);
            await connection.ExecuteAsync("insert into chat values (1)", default);
            Assert.Equal(schema, await connection.ScalarAsync<string>("select min(schemaname::text) from pg_tables where tablename = 'chat' and tableowner = current_user", default));
        }

        string[] forbidden =
        [
            "select 1 from litellm.chat", "create schema elsewhere", "create table public.t (id int)", "create temporary table t (id int)", "create role another",
            "create database another", "set role control_job", "set role control_provision", $"set role {await rig.DatabaseNameAsync(tenant)}_gateway", "select 1 from pg_authid",
            $"alter database {await rig.DatabaseNameAsync(tenant)} connection limit 1", $"alter role {await rig.DatabaseNameAsync(tenant)} connection limit 100",
        ];
        foreach (var sql in forbidden)
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => webui.ExecuteAsync(sql, default));
            Assert.Equal((sql, PostgresErrorCodes.InsufficientPrivilege), (sql, refused.SqlState));
        }
    }

    [Fact]
    public async Task Advisory_locks_and_notifications_do_not_reach_the_control_plane()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await ReadyAsync(rig);
        await using var environment = await rig.ConnectAsync(tenant);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using var session = await rig.Database.OpenJobAsync(default);
        await using var notifications = session.ListenAsync("control_job", stop.Token).GetAsyncEnumerator(stop.Token);
        var first = notifications.MoveNextAsync().AsTask();
        foreach (var job in JobSchedules.All)
        {
            await environment.ExecuteAsync("select pg_advisory_lock(hashtextextended('job ' || $1, 0))", default, job.Name);
            await environment.ExecuteAsync("select pg_notify('control_job', $1)", default, job.Name);
        }

        var runner = new JobRunner(rig.Database, rig.Get<Clock>(), Microsoft.Extensions.Logging.Abstractions.NullLogger<JobRunner>.Instance);
        foreach (var job in JobSchedules.All)
        {
            var empty = new JobDefinition(job, _ => Task.FromResult(JobReport.Of()));
            Assert.IsType<JobResult.Finished>(await runner.RunAsync(empty, rig.Get<Clock>().GetUtcNow(), default));
        }

        await rig.ScalarAsync<string>("select pg_notify('control_job', 'ours')::text");
        Assert.True(await first);
        Assert.Equal("ours", notifications.Current);
    }

    [Fact]
    public async Task Nothing_that_every_login_can_read_names_a_customer()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var (tenant, other) = (await ReadyAsync(rig), await ReadyAsync(rig));
        await using var connection = await rig.ConnectAsync(tenant);
        var readable = await connection.QueryAsync(
            """
            select rolname::text || ' ' || coalesce(rolconfig::text, '') from pg_roles
            union all select datname::text || ' ' || coalesce(datacl::text, '') from pg_database
            union all select description from pg_shdescription
            union all select coalesce(usename::text, '') || ' ' || coalesce(application_name, '') from pg_stat_activity
            """,
            row => row.GetString(0), default);
        Assert.Contains(readable, text => text.Contains("env_", StringComparison.Ordinal));
        Assert.DoesNotContain(
            readable, text => text.Contains(other.Slug, StringComparison.Ordinal) || text.Contains(other.Id.ToString(), StringComparison.Ordinal)
                || text.Contains(other.Id.ToString("N"), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_login_has_a_connection_limit_and_timeouts()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await ReadyAsync(rig);
        var open = new List<NpgsqlConnection>();
        try
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(async () =>
            {
                for (var count = 0; count <= TenantDatabase.ConnectionsPerEnvironment; count++)
                {
                    open.Add(await rig.ConnectAsync(tenant));
                }
            });
            Assert.Equal(PostgresErrorCodes.TooManyConnections, refused.SqlState);
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
    public async Task Idle_transactions_of_environments_are_ended_and_no_others()
    {
        await using var rig = await ProvisioningRig.StartAsync(new ProvisioningOptions { PollWindow = TimeSpan.Zero, IdleTransactionLimit = TimeSpan.FromMilliseconds(100) });
        var tenant = await ReadyAsync(rig);
        await using var idle = await rig.ConnectAsync(tenant);
        await using var active = await rig.ConnectAsync(tenant);
        await using var ours = await rig.Database.BeginJobAsync(default);
        await ours.ExecuteAsync("select 1", default);
        // As an administrator of the environment could.
        await idle.ExecuteAsync("set idle_in_transaction_session_timeout = 0", default);
        await idle.ExecuteAsync("create table chat (id int)", default);
        await idle.ExecuteAsync("begin", default);
        await idle.ExecuteAsync("insert into chat values (1)", default);
        await Task.Delay(TimeSpan.FromMilliseconds(300));

        Assert.Equal(1, (await rig.ProvisionAsync()).Counts["transactions_ended"]);

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => idle.ExecuteAsync("commit", default));
        Assert.Equal(0, await active.ScalarAsync<long>("select count(*) from chat", default));
        Assert.Equal(1, await ours.ScalarAsync<int>("select 1", default));
        Assert.Equal(0, (await rig.ProvisionAsync()).Counts["transactions_ended"]);
    }

    [Fact]
    public async Task Long_transactions_of_environments_are_ended_unless_data_is_being_moved()
    {
        await using var rig = await ProvisioningRig.StartAsync(new ProvisioningOptions { PollWindow = TimeSpan.Zero, TransactionLimit = TimeSpan.FromMilliseconds(100) });
        var tenant = await ReadyAsync(rig);
        await using var busy = await rig.ConnectAsync(tenant);
        var sleeping = busy.ExecuteAsync("select pg_sleep(60)", default);
        await Task.Delay(TimeSpan.FromMilliseconds(300));
        // As by a worker that restores the environment's data at this moment.
        await rig.RequestAsync(tenant, RunKinds.Restart);
        await using var lease = await Lease.ClaimAsync(rig.Database, TimeSpan.FromMinutes(5), default);
        await rig.ScalarAsync<int>("update control.provisioning_step set state = 'running' where run_id = $1 and name = 'database' returning 1", lease!.Run.Id);
        Assert.Equal(0, (await rig.ProvisionAsync()).Counts["transactions_ended"]);
        await rig.ScalarAsync<int>("update control.provisioning_step set state = 'done' where run_id = $1 and name = 'database' returning 1", lease.Run.Id);
        Assert.Equal(1, (await rig.ProvisionAsync()).Counts["transactions_ended"]);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => sleeping);
    }

    [Fact]
    public async Task A_control_database_that_is_open_to_everyone_stops_provisioning_with_the_statement_to_run()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var control = new NpgsqlConnectionStringBuilder(rig.ConnectionString).Database!;
        await OwnerAsync(rig, $"grant connect on database {control} to public");
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();

        var failed = await rig.StatusAsync(tenant);
        Assert.Equal(("failed", "database"), (failed.State, failed.FailedStep));
        Assert.Contains($"revoke connect on database {control} from public", failed.FailedReason, StringComparison.Ordinal);
        await using var transaction = await rig.Database.BeginAsync(tenant.Id, default);
        var shown = (await EnvironmentStatus.ReadAsync(transaction, rig.Get<ControlPlaneOptions>(), tenant.Id, default))!;
        Assert.Equal("The environment's database could not be set up.", shown.FailedReason);
        Assert.DoesNotContain(shown.Steps, step => step.Detail is not null && step.Detail != shown.FailedReason);

        await OwnerAsync(rig, $"revoke connect on database {control} from public");
        await rig.Get<OperateEnvironment>().RetryAsync(tenant.Id, "operator", default);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
    }

    [Fact]
    public async Task Operators_see_how_many_environments_the_servers_connections_carry()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateTenantAsync();
        await server.RunJobAsync("provision");
        var capacity = await (await server.Operator.GetAsync("/v1/admin/capacity")).ReadAsync();
        int Number(string name) => capacity.GetProperty(name).GetInt32();

        Assert.Equal((TenantDatabase.ConnectionsPerEnvironment, ControlDatabase.MaximumConnections), (Number("per_environment"), Number("control_plane")));
        Assert.Equal((1, 0), (Number("environments"), Number("waiting")));
        Assert.Equal((Number("max_connections") - Number("reserved") - Number("control_plane")) / Number("per_environment"), Number("capacity"));
        Assert.Equal(Number("environments") > Number("capacity"), capacity.GetProperty("is_exceeded").GetBoolean());
    }

    [Theory]
    [InlineData(18, false)]
    [InlineData(19, false)]
    [InlineData(20, true)]
    public void Environments_beyond_the_connections_exceed_the_capacity(int environments, bool exceeded)
    {
        var capacity = new EnvironmentCapacity(MaxConnections: 500, Reserved: 3, ControlPlane: 110, PerEnvironment: 20, environments, Waiting: 0);
        Assert.Equal((19, exceeded), (capacity.Capacity, capacity.IsExceeded));
        Assert.Equal(0, (capacity with { MaxConnections = 50 }).Capacity);
    }

    static async Task<RigTenant> ReadyAsync(ProvisioningRig rig)
    {
        var tenant = await rig.TenantAsync();
        await rig.RequestAsync(tenant, RunKinds.Provision);
        await rig.ProvisionAsync();
        Assert.Equal("ready", (await rig.StatusAsync(tenant)).State);
        return tenant;
    }

    static async Task OwnerAsync(ProvisioningRig rig, string sql)
    {
        await using var owner = await rig.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(sql, default);
    }
}
