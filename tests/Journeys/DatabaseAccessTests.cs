namespace ControlPlane.Tests;

/// <summary>Who may connect to the control plane's database after the migration that closes it to PUBLIC.</summary>
public sealed class DatabaseAccessTests
{
    const string MayConnect = "select rolname::text from pg_roles where rolname like '{0}%' and has_database_privilege(oid, current_database()::text, 'connect') order by 1";

    [Fact]
    public async Task Only_logins_that_could_use_the_schema_and_environments_that_are_still_there_may_connect()
    {
        var prefix = Names.Random("login");
        string[] logins = [$"{prefix}_direct", $"{prefix}_member", $"{prefix}_unrelated", $"tenant_{prefix}"];
        var database = await MigratedDatabase.NewAsync();
        await database.MigrateAsync([.. SchemaScripts.Migrations.Where(migration => string.CompareOrdinal(migration.Name, "0015") < 0)], functions: []);
        foreach (var login in logins)
        {
            await database.ExecuteAsync($"create role {login} login");
        }

        try
        {
            await database.ExecuteAsync($"grant usage on schema control to {prefix}_direct");
            await database.ExecuteAsync($"grant control_job to {prefix}_member");
            await database.ExecuteAsync($"create schema tenant_{prefix} authorization tenant_{prefix}");

            await database.MigrateAsync();

            Assert.Equal([$"{prefix}_direct", $"{prefix}_member"], await database.ReadAsync(MayConnect.Replace("{0}", prefix, StringComparison.Ordinal)));
            Assert.Equal([$"tenant_{prefix}"], await database.ReadAsync(MayConnect.Replace("{0}", $"tenant_{prefix}", StringComparison.Ordinal)));
            Assert.Equal(["true"], await database.ReadAsync("select rolcreatedb::text from pg_roles where rolname = 'control_provision'"));
        }
        finally
        {
            await database.DisposeAsync();
            await TestCluster.DropAsync(database.ConnectionString, logins);
        }
    }

    [Fact]
    public async Task Environments_that_the_former_release_creates_get_a_database_name_of_their_own()
    {
        await using var rig = await ProvisioningRig.StartAsync();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            await rig.ScalarAsync<int>(
                "insert into control.environment (tenant_id, state, address, updated_at) values ($1, 'requested', 'a', now()) returning 1", (await rig.TenantAsync()).Id);
        }

        Assert.Equal(2, await rig.ScalarAsync<long>("select count(distinct database_name) from control.environment where database_name ~ '^env_[0-9a-f]{32}$'"));
    }
}
