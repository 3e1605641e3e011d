using System.Net;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class MigrationTests : IAsyncLifetime
{
    const string Journal = "select scriptname from public.control_schema_versions order by schemaversionsid";
    const string FormerLedger = "select number || ' ' || name || ' ' || applied_at from public.control_migration order by number";

    const string Sleeping = """
        select query from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%pg_sleep(60)%'
        """;

    static readonly List<string> All = [.. SchemaScripts.Migrations.Select(migration => migration.Name)];

    MigratedDatabase _database = null!;

    public async Task InitializeAsync() => _database = await MigratedDatabase.NewAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task An_empty_database_gets_every_migration_once()
    {
        Assert.Equal(All, await _database.MigrateAsync());
        Assert.Equal(All, await _database.ReadAsync(Journal));
        Assert.Empty(await _database.MigrateAsync());
        Assert.Equal(All, await _database.ReadAsync(Journal));
    }

    [Fact]
    public async Task Processes_that_migrate_at_the_same_time_apply_every_migration_once()
    {
        var applied = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => _database.MigrateAsync()));
        Assert.Equal(All, applied.SelectMany(names => names));
        Assert.Equal(All, await _database.ReadAsync(Journal));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(13)]
    public async Task A_database_of_the_former_migrator_is_taken_over_and_gets_only_what_it_lacks(int count)
    {
        await _database.MigrateAsBeforeAsync(count);
        await _database.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, requested_plan, status, created_at)
            values (gen_random_uuid(), 'kept', 'Kept', 'DE', 'basic', 'active', now())
            """);
        var ledger = await _database.ReadAsync(FormerLedger);

        Assert.Equal(All[count..], await _database.MigrateAsync());

        Assert.Equal(All, await _database.ReadAsync(Journal));
        Assert.Equal(["kept local"], await _database.ReadAsync("select slug || ' ' || region from control.tenant"));
        Assert.Equal(All[..count], await _database.ReadAsync(
            """
            select f.name from public.control_migration f
            join public.control_schema_versions j on j.scriptname = f.name and j.applied = f.applied_at at time zone 'UTC' order by f.number
            """));
        Assert.Equal(ledger, await _database.ReadAsync(FormerLedger));
        Assert.Empty(await _database.MigrateAsync());
        Assert.Equal(All, await _database.ReadAsync(Journal));
    }

    [Fact]
    public async Task After_the_takeover_the_former_release_still_finds_its_own_migrations()
    {
        await _database.MigrateAsBeforeAsync(count: 13);
        await _database.MigrateAsync([.. SchemaScripts.Migrations, new("9999_later", "select 1")]);
        await using var database = new ControlDatabase(_database.ConnectionString);
        await using var transaction = await database.BeginAnonymousAsync(default);
        Assert.Equal(13, await transaction.ScalarAsync<int>("select coalesce(max(number), 0) from public.control_migration", default));
    }

    [Fact]
    public async Task A_migration_whose_number_arrives_out_of_order_is_still_applied()
    {
        SchemaScript early = new("9014_early", "create table control.early (id int)"), late = new("9015_late", "create table control.late (id int)");
        await _database.MigrateAsync([.. SchemaScripts.Migrations, late]);
        SchemaScript between = new("0012b_between", "create table control.between_others (id int)");

        Assert.Equal([between.Name, early.Name], await _database.MigrateAsync([.. SchemaScripts.Migrations, late, early, between]));
    }

    [Fact]
    public async Task A_database_that_is_newer_than_the_program_is_refused_and_left_as_it_is()
    {
        SchemaScript newer = new("9014_newer", "create table control.newer (id int)");
        await _database.MigrateAsync([.. SchemaScripts.Migrations, newer]);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(
            () => _database.MigrateAsync([.. SchemaScripts.Migrations, new("9015_other", "select 1")]));
        Assert.Contains("9014_newer", refused.Message, StringComparison.Ordinal);
        Assert.Equal([.. All, newer.Name], await _database.ReadAsync(Journal));
        Assert.Empty(await _database.ReadMissingAsync());
    }

    [Fact]
    public async Task A_former_ledger_that_is_newer_than_the_program_is_refused_and_not_taken_over()
    {
        await _database.MigrateAsBeforeAsync(count: 13);
        await _database.ExecuteAsync("insert into public.control_migration (number, name) values (9014, '9014_unknown')");
        await Assert.ThrowsAsync<InvalidOperationException>(() => _database.MigrateAsync());
        Assert.Equal(["t"], await _database.ReadAsync("select (to_regclass('public.control_schema_versions') is null)::char(1)::text"));
    }

    [Fact]
    public async Task A_migration_that_fails_is_rolled_back_alone_and_tried_again_by_the_next_run()
    {
        SchemaScript good = new("9014_good", "create table control.good (id int)");
        SchemaScript bad = new("9015_bad", "create table control.bad (id int); select 1 / 0;");
        var failed = await Assert.ThrowsAsync<PostgresException>(() => _database.MigrateAsync([.. SchemaScripts.Migrations, good, bad]));
        Assert.Equal(PostgresErrorCodes.DivisionByZero, failed.SqlState);
        Assert.Equal([.. All, good.Name], await _database.ReadAsync(Journal));

        Assert.Equal([bad.Name], await _database.MigrateAsync([.. SchemaScripts.Migrations, good, bad with { Sql = "create table control.bad (id int)" }]));
    }

    [Fact]
    public async Task A_cancelled_migration_stops_at_once_is_rolled_back_and_releases_the_lock()
    {
        SchemaScript slow = new("9014_slow", "create table control.slow (id int); select pg_sleep(60);");
        using var cancel = new CancellationTokenSource();
        var running = _database.MigrateAsync([.. SchemaScripts.Migrations, slow], ct: cancel.Token);
        while ((await _database.ReadAsync(Sleeping)).Count == 0)
        {
            await Task.Delay(20);
        }

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(All, await _database.ReadAsync(Journal));
        Assert.Equal([slow.Name], await _database.MigrateAsync([.. SchemaScripts.Migrations, slow with { Sql = "create table control.slow (id int)" }]));
    }

    [Fact]
    public async Task Missing_are_the_scripts_that_a_database_has_yet_to_run_whichever_others_it_has()
    {
        await _database.ExecuteAsync("create schema if not exists control");
        Assert.Equal(SchemaScripts.Migrations.Count + SchemaScripts.Functions.Count, (await _database.ReadMissingAsync()).Count);

        await _database.MigrateAsync([.. SchemaScripts.Migrations, new("9999_later", "select 1")], [.. SchemaScripts.Functions]);
        Assert.Empty(await _database.ReadMissingAsync());

        await _database.ExecuteAsync("delete from public.control_schema_versions where scriptname = '0007_billing'");
        await _database.ExecuteAsync("delete from public.control_function_versions where name = 'deny'");
        Assert.Equal(["0007_billing", "deny"], await _database.ReadMissingAsync());
    }

    [Fact]
    public async Task A_server_is_ready_when_the_database_has_run_every_script_that_it_knows()
    {
        await using var server = await TestServer.StartAsync();
        await using var owner = await server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync("insert into public.control_schema_versions (scriptname, applied) values ('9999_later', now())", default);
        Assert.Equal(HttpStatusCode.OK, (await server.Anonymous.GetAsync("/readyz")).StatusCode);

        await owner.ExecuteAsync("delete from public.control_schema_versions where scriptname = '0007_billing'", default);
        // Requests within a second share the result of one probe.
        await Task.Delay(TimeSpan.FromSeconds(1.1));
        var reply = await server.Anonymous.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
        Assert.Contains("0007_billing", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
