using CliWrap;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>
/// Environments whose data is on the control plane's server: in schemas of its own database, as releases up to 0.2 created them, or in a database of the
/// environment, as later ones did.
/// </summary>
public sealed class FormerDatabasesJourneys
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_existing_environment_is_moved_to_its_own_server_and_then_the_old_copy_is_dropped(bool inDatabase)
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase);
        await using var open = await former.ConnectAsync();

        Assert.Equal(1, (await rig.ProvisionAsync()).Counts["succeeded"]);

        var status = await rig.StatusAsync(former.Tenant);
        Assert.Equal("ready", status.State);
        Assert.Contains("data moved to it", status.Steps.Single(step => step.Name == "database").Detail, StringComparison.Ordinal);
        await AssertMovedAsync(rig, former);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => open.ExecuteAsync("select 1", default));
        Assert.Equal(0, (await rig.ProvisionAsync()).Counts["succeeded"]);
    }

    [Fact]
    public async Task An_environment_that_a_former_release_moved_to_a_database_is_moved_from_there()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var schemas = await FormerEnvironment.CreateAsync(rig, inDatabase: false);
        var database = new FormerEnvironment(rig, schemas.Tenant, InDatabase: true);
        await database.CreateAsync();
        await using (var open = await database.ConnectAsync())
        {
            await open.ExecuteAsync("insert into chat (title) values ('written after the first move')", default);
        }

        await rig.ScalarAsync<int>("update control.environment set moved_at = now() where tenant_id = $1 returning 1", schemas.Tenant.Id);
        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, schemas, chats: 4);
        await database.AssertDroppedAsync();
    }

    [Fact]
    public async Task A_restart_of_an_environment_that_was_not_moved_yet_moves_it()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase: true);
        await rig.RequestAsync(former.Tenant, RunKinds.Restart);
        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, former);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_move_that_was_interrupted_starts_again_and_copies_every_row_once(bool inDatabase)
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase);
        await rig.ProvisionAsync();
        // The copies of an earlier attempt, complete and partial, are there, and the move is not recorded.
        await former.CreateAsync();
        await rig.ScalarAsync<int>("update control.environment set own_server_at = null where tenant_id = $1 returning 1", former.Tenant.Id);
        await rig.ServerOf(former.Tenant).RunAsync(
            ["psql", "--username=postgres", "--dbname=environment"],
            PipeSource.FromString($"create schema if not exists \"{former.WebuiSchema}\" authorization open_webui; create table \"{former.WebuiSchema}\".partial (id int);"), default);

        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, former);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_environment_whose_move_fails_is_stopped_and_its_old_logins_stay_closed_until_an_operator_retries(bool inDatabase)
    {
        var dataPlane = new FakeDataPlane { Servers = new() };
        await using var rig = await ProvisioningRig.StartAsync(dataPlane: dataPlane);
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase);
        await former.AsSuperuserAsync($"create table \"{former.WebuiSchema}\".foreign_table (id int)");

        await rig.ProvisionAsync();

        var failed = await rig.StatusAsync(former.Tenant);
        Assert.Equal(("failed", "database"), (failed.State, failed.FailedStep));
        Assert.Contains("permission denied for table foreign_table", failed.FailedReason, StringComparison.Ordinal);
        Assert.Contains("is stopped until its data is moved", failed.FailedReason, StringComparison.Ordinal);
        Assert.Equal(former.Tenant.Slug, Assert.Single(dataPlane.Stopped));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_roles where rolname like $1 and rolcanlogin", $"{former.WebuiLogin}%"));
        await Assert.ThrowsAsync<PostgresException>(() => former.ConnectAsync());

        await former.AsSuperuserAsync($"drop table \"{former.WebuiSchema}\".foreign_table");
        await rig.Get<OperateEnvironment>().RetryAsync(former.Tenant.Id, "operator", default);
        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, former);
    }

    [Fact]
    public async Task Between_two_attempts_to_move_it_an_environment_keeps_working_on_the_old_copy()
    {
        await using var rig = await ProvisioningRig.StartAsync(
            new ProvisioningOptions { Backoff = [TimeSpan.FromDays(1)], PollWindow = TimeSpan.Zero }, dataPlane: new FakeDataPlane { Servers = new() });
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase: true);
        await former.AsSuperuserAsync($"create table \"{former.WebuiSchema}\".foreign_table (id int)");
        Assert.Equal(1, (await rig.ProvisionAsync()).Counts["will_retry"]);
        await using (var open = await former.ConnectAsync())
        {
            await open.ExecuteAsync("insert into chat (title) values ('written after the failure')", default);
        }

        await former.AsSuperuserAsync($"drop table \"{former.WebuiSchema}\".foreign_table");
        await rig.ScalarAsync<int>("update control.provisioning_run set next_attempt_at = now() where state = 'queued' returning 1");
        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, former, chats: 4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Code_that_a_tenant_stored_runs_with_the_environments_rights_only_when_it_is_moved(bool inDatabase)
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase);
        var schema = $"\"{former.WebuiSchema}\"";
        await using (var open = await former.ConnectAsync())
        {
            await open.ExecuteAsync($"create table {schema}.seen (login text)", default);
            // pg_restore checks the rows of a table as it inserts them.
            await open.ExecuteAsync(
                $"""
                create function {schema}.trap(text) returns boolean language plpgsql as $$
                begin
                    perform set_config('role', 'none', false);
                    insert into {schema}.seen values (session_user);
                    begin
                        execute 'create role taken superuser';
                    exception when others then null;
                    end;
                    return true;
                end $$
                """,
                default);
            await open.ExecuteAsync($"create table {schema}.document (title text check ({schema}.trap(title)))", default);
            await open.ExecuteAsync($"insert into {schema}.document values ('one')", default);
        }

        await rig.ProvisionAsync();

        await AssertMovedAsync(rig, former);
        await using var webui = await rig.ConnectAsync(former.Tenant);
        Assert.Equal(
            new[] { "open_webui", former.WebuiLogin }.Order(StringComparer.Ordinal),
            (await webui.QueryAsync("select distinct login from seen", row => row.GetString(0), default)).Order(StringComparer.Ordinal));
        Assert.Equal(0, await webui.ScalarAsync<long>("select count(*) from pg_roles where rolname = 'taken'", default));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_roles where rolname = 'taken' or rolname like $1", $"{former.WebuiLogin}%"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_deletion_drops_the_old_copy_as_well(bool inDatabase)
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase);
        await rig.RequestAsync(former.Tenant, RunKinds.Delete);
        await rig.ProvisionAsync();
        Assert.Equal("deleted", (await rig.StatusAsync(former.Tenant)).State);
        await former.AssertDroppedAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Where_environments_are_only_rendered_their_data_stays_where_it_is_and_the_operator_is_told(bool inDatabase)
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase);
        Assert.Equal(0, (await rig.ProvisionAsync()).Counts["succeeded"]);

        await rig.RequestAsync(former.Tenant, RunKinds.Restart);
        await rig.ProvisionAsync();

        var status = await rig.StatusAsync(former.Tenant);
        Assert.Equal("ready", status.State);
        Assert.Contains("still on the control plane's database server", status.Steps.Single(step => step.Name == "database").Detail, StringComparison.Ordinal);
        await using var open = await former.ConnectAsync();
        Assert.Equal(3, await open.ScalarAsync<long>("select count(*) from chat", default));
    }

    [Fact]
    public async Task A_role_of_another_installation_is_neither_moved_nor_dropped()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var former = await FormerEnvironment.CreateAsync(rig, inDatabase: false);
        await former.AsSuperuserAsync($"comment on role \"tenant_{former.Tenant.Slug}\" is 'environment of tenant {Guid.Empty}'");
        await rig.RequestAsync(former.Tenant, RunKinds.Restart);
        await rig.ProvisionAsync();
        await rig.RequestAsync(former.Tenant, RunKinds.Delete);
        await rig.ProvisionAsync();
        await using var open = await former.ConnectAsync();
        Assert.Equal(3, await open.ScalarAsync<long>("select count(*) from chat", default));
    }

    [Fact]
    public async Task Without_a_new_enough_pg_dump_the_step_says_what_to_install()
    {
        var missing = await Assert.ThrowsAsync<StepFailedException>(() => PgDump.FindAsync(serverVersion: 99, default));
        Assert.Contains("install postgresql-client-99 (Debian, Ubuntu) or postgresql99-client (Alpine)", missing.Message, StringComparison.Ordinal);
    }

    static async Task AssertMovedAsync(ProvisioningRig rig, FormerEnvironment former, long chats = 3)
    {
        await using (var webui = await rig.ConnectAsync(former.Tenant))
        {
            Assert.Equal(chats, await webui.ScalarAsync<long>("select count(*) from chat", default));
            Assert.Equal(0, await webui.ScalarAsync<long>("select count(*) from pg_tables where tablename = 'partial'", default));
            await webui.ExecuteAsync("insert into chat (title) values ('the sequence continues')", default);
            Assert.Equal(chats + 1, await webui.ScalarAsync<long>("select max(id) from chat", default));
            Assert.Equal(
                ["litellm", "open_webui"],
                await webui.QueryAsync("select nspname::text from pg_namespace where nspname !~ '^(pg_|public|information_schema)' order by 1", row => row.GetString(0), default));
        }

        await using (var gateway = await rig.ConnectAsync(former.Tenant, asGateway: true))
        {
            Assert.Equal("spent", await gateway.ScalarAsync<string>("select value from spend", default));
        }

        await former.AssertDroppedAsync();
    }
}
