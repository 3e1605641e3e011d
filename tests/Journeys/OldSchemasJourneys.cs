using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Environments whose schemas are in the control plane's database, as releases up to 0.2 created them.</summary>
public sealed class OldSchemasJourneys
{
    [Fact]
    public async Task An_existing_environment_is_moved_to_its_own_database_and_then_the_old_copy_is_dropped()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        await using var open = await ConnectAsOldAsync(rig, tenant);

        Assert.Equal(1, (await rig.ProvisionAsync()).Counts["succeeded"]);

        var status = await rig.StatusAsync(tenant);
        Assert.Equal("ready", status.State);
        Assert.Contains("data moved to it", status.Steps.Single(step => step.Name == "database").Detail, StringComparison.Ordinal);
        await AssertMovedAsync(rig, tenant);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => open.ExecuteAsync("select 1", default));
        Assert.Equal(0, (await rig.ProvisionAsync()).Counts["succeeded"]);
    }

    [Fact]
    public async Task A_restart_of_an_environment_that_was_not_moved_yet_moves_it()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        await rig.RequestAsync(tenant, RunKinds.Restart);
        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, tenant);
    }

    [Fact]
    public async Task A_move_that_was_interrupted_starts_again_and_copies_every_row_once()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        await rig.ProvisionAsync();
        // The copies of an earlier attempt, complete and partial, are there, and the move is not recorded.
        await CreateOldSchemasAsync(rig, tenant);
        await rig.ScalarAsync<int>("update control.environment set moved_at = null where tenant_id = $1 returning 1", tenant.Id);
        await using (var partial = await rig.Database.BeginProvisioningAsync(await rig.DatabaseNameAsync(tenant), default))
        {
            await partial.ExecuteAsync($"create schema \"tenant_{tenant.Slug}\" authorization {await rig.DatabaseNameAsync(tenant)}", default);
            await partial.ExecuteAsync($"create table \"tenant_{tenant.Slug}\".chat (id int)", default);
            await partial.CommitAsync(default);
        }

        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, tenant);
    }

    [Fact]
    public async Task An_environment_whose_move_fails_keeps_working_on_the_old_copy()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        await OwnerAsync(rig, $"create table \"tenant_{tenant.Slug}\".foreign_table (id int)");

        await rig.ProvisionAsync();

        var failed = await rig.StatusAsync(tenant);
        Assert.Equal(("failed", "database"), (failed.State, failed.FailedStep));
        Assert.Contains("permission denied for table foreign_table", failed.FailedReason, StringComparison.Ordinal);
        await using (var open = await ConnectAsOldAsync(rig, tenant))
        {
            await open.ExecuteAsync("insert into chat (title) values ('written after the failure')", default);
        }

        await OwnerAsync(rig, $"drop table \"tenant_{tenant.Slug}\".foreign_table");
        await rig.Get<OperateEnvironment>().RetryAsync(tenant.Id, "operator", default);
        await rig.ProvisionAsync();
        await AssertMovedAsync(rig, tenant, chats: 4);
    }

    [Fact]
    public async Task Code_in_an_old_schema_runs_with_the_environments_rights_only_when_it_is_moved()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        var (schema, login) = ($"\"tenant_{tenant.Slug}\"", await rig.DatabaseNameAsync(tenant));
        await using (var open = await ConnectAsOldAsync(rig, tenant))
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
                        execute 'grant control_job, control_provision to {login}';
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

        await AssertMovedAsync(rig, tenant);
        await using (var webui = await rig.ConnectAsync(tenant))
        {
            Assert.Equal([login, $"tenant_{tenant.Slug}"], await webui.QueryAsync("select distinct login from seen order by login", row => row.GetString(0), default));
        }

        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_auth_members where member = $1::text::regrole", login));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_roles where rolname like $1", $"tenant_{tenant.Slug}%"));
    }

    [Fact]
    public async Task A_deletion_drops_the_old_copy_as_well()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        await rig.RequestAsync(tenant, RunKinds.Delete);
        await rig.ProvisionAsync();
        Assert.Equal("deleted", (await rig.StatusAsync(tenant)).State);
        await AssertDroppedAsync(rig, tenant);
    }

    [Fact]
    public async Task A_role_of_another_installation_is_neither_moved_nor_dropped()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        var tenant = await OldEnvironmentAsync(rig);
        await OwnerAsync(rig, $"comment on role \"tenant_{tenant.Slug}\" is 'environment of tenant {Guid.Empty}'");
        await rig.RequestAsync(tenant, RunKinds.Restart);
        await rig.ProvisionAsync();
        await rig.RequestAsync(tenant, RunKinds.Delete);
        await rig.ProvisionAsync();
        await using var open = await ConnectAsOldAsync(rig, tenant);
        Assert.Equal(3, await open.ScalarAsync<long>("select count(*) from chat", default));
    }

    [Fact]
    public async Task Without_a_new_enough_pg_dump_the_step_says_what_to_install()
    {
        var missing = await Assert.ThrowsAsync<StepFailedException>(() => PostgresTools.FindAsync(serverVersion: 99, advice: null, default));
        Assert.Contains("install postgresql-client-99 (Debian, Ubuntu) or postgresql99-client (Alpine)", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_program_can_be_installed_the_step_says_where_to_move_the_environment_and_the_old_copy_stays_in_use()
    {
        // No server is as new as that.
        var missing = await Assert.ThrowsAsync<StepFailedException>(() => PostgresTools.FindAsync(serverVersion: 99, ProvisioningOptions.MoveElsewhere, default));
        Assert.Contains("Move the environment from the container image", missing.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("install", missing.Message, StringComparison.Ordinal);
    }

    static async Task AssertMovedAsync(ProvisioningRig rig, RigTenant tenant, long chats = 3)
    {
        await using (var webui = await rig.ConnectAsync(tenant))
        {
            Assert.Equal(chats, await webui.ScalarAsync<long>("select count(*) from chat", default));
            await webui.ExecuteAsync("insert into chat (title) values ('the sequence continues')", default);
            Assert.Equal(chats + 1, await webui.ScalarAsync<long>("select max(id) from chat", default));
        }

        await using (var gateway = await rig.ConnectAsync(tenant, asGateway: true))
        {
            Assert.Equal("spent", await gateway.ScalarAsync<string>("select value from spend", default));
        }

        await AssertDroppedAsync(rig, tenant);
    }

    static async Task AssertDroppedAsync(ProvisioningRig rig, RigTenant tenant)
    {
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_roles where rolname = $1", $"tenant_{tenant.Slug}"));
        Assert.Equal(0, await rig.ScalarAsync<long>("select count(*) from pg_namespace where nspname like $1", $"tenant_{tenant.Slug}%"));
    }

    static async Task<RigTenant> OldEnvironmentAsync(ProvisioningRig rig)
    {
        var tenant = await rig.TenantAsync();
        await rig.ScalarAsync<int>(
            "insert into control.environment (tenant_id, state, detail, address, updated_at) values ($1, 'ready', 'rendered', 'old.example', now()) returning 1", tenant.Id);
        await CreateOldSchemasAsync(rig, tenant);
        return tenant;
    }

    // As release 0.2 did, and what Open WebUI and LiteLLM then created.
    static async Task CreateOldSchemasAsync(ProvisioningRig rig, RigTenant tenant)
    {
        var role = $"\"tenant_{tenant.Slug}\"";
        await using (var transaction = await rig.Database.BeginProvisioningAsync(default))
        {
            await transaction.ExecuteAsync($"create role {role} login password 'old'", default);
            await transaction.ExecuteAsync($"comment on role {role} is 'environment of tenant {tenant.Id}'", default);
            await transaction.ExecuteAsync($"grant {role} to current_user", default);
            await transaction.ExecuteAsync($"create schema {role} authorization {role}", default);
            await transaction.ExecuteAsync($"create schema \"tenant_{tenant.Slug}_litellm\" authorization {role}", default);
            await transaction.ExecuteAsync($"alter role {role} set search_path = {role}", default);
            // By the migration.
            await transaction.ExecuteAsync($"grant connect on database {new NpgsqlConnectionStringBuilder(rig.ConnectionString).Database} to {role}", default);
            await transaction.CommitAsync(default);
        }

        await using var open = await ConnectAsOldAsync(rig, tenant);
        await open.ExecuteAsync("create table chat (id serial primary key, title text not null)", default);
        await open.ExecuteAsync("create index on chat (lower(title))", default);
        await open.ExecuteAsync("create table message (chat int references chat, text text)", default);
        await open.ExecuteAsync("insert into chat (title) select 'chat ' || n from generate_series(1, 3) n", default);
        await open.ExecuteAsync($"create table \"tenant_{tenant.Slug}_litellm\".spend (value text)", default);
        await open.ExecuteAsync($"insert into \"tenant_{tenant.Slug}_litellm\".spend values ('spent')", default);
    }

    static async Task<NpgsqlConnection> ConnectAsOldAsync(ProvisioningRig rig, RigTenant tenant)
    {
        var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(rig.ConnectionString) { Username = $"tenant_{tenant.Slug}", Password = "old", Pooling = false }.ToString());
        await connection.OpenAsync();
        return connection;
    }

    static async Task OwnerAsync(ProvisioningRig rig, string sql)
    {
        await using var owner = await rig.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(sql, default);
    }
}
