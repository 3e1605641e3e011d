using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Functions are created again when their text changes, with the rights that they had.</summary>
public sealed class SqlFunctionTests : IAsyncLifetime
{
    // Everything about a function but its text.
    const string Definitions = """
        select concat_ws(' | ', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname, p.provolatile, p.proparallel,
                         p.proisstrict, p.proleakproof, p.procost, p.prorows, p.prosecdef, p.proconfig, p.proowner::regrole, coalesce(p.proacl::text, 'default'))
        from pg_proc p join pg_language l on l.oid = p.prolang where p.pronamespace = 'control'::regnamespace order by 1
        """;

    static readonly IReadOnlyList<SchemaScript> Migrations = SchemaScripts.Migrations;

    MigratedDatabase _database = null!;

    public async Task InitializeAsync() => _database = await MigratedDatabase.NewAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task Signature_owner_rights_and_settings_of_every_function_are_those_that_the_migrations_created()
    {
        await _database.MigrateAsBeforeAsync(count: 13);
        var before = await _database.ReadAsync(Definitions);
        Assert.Contains(before, definition => definition.StartsWith("find_session | wanted bytea", StringComparison.Ordinal));

        await _database.MigrateAsync();
        var after = await _database.ReadAsync(Definitions);
        Assert.Empty(before.Except(after));

        // Also where the files create them.
        await _database.ExecuteAsync("drop function " + string.Join(", ", SchemaScripts.Functions.Select(function => $"control.{function.Name}")) + " cascade");
        await _database.ExecuteAsync("delete from public.control_function_versions");
        await _database.MigrateAsync();
        Assert.Equal(after, await _database.ReadAsync(Definitions));
    }

    [Fact]
    public async Task Every_function_has_its_file()
    {
        await _database.MigrateAsync();
        Assert.Equal(
            SchemaScripts.Functions.Select(function => function.Name).Order(StringComparer.Ordinal),
            await _database.ReadAsync("select proname::text from pg_proc where pronamespace = 'control'::regnamespace order by proname collate \"C\""));
    }

    [Fact]
    public async Task A_changed_text_is_created_again_and_an_unchanged_one_is_not()
    {
        await _database.MigrateAsync(Migrations, [Answer(1), Other]);
        var before = await VersionsAsync();
        await _database.MigrateAsync(Migrations, [Answer(2), Other]);
        var after = await VersionsAsync();

        Assert.Equal(["2"], await _database.ReadAsync("select control.answer()::text"));
        Assert.NotEqual(before["answer"], after["answer"]);
        Assert.Equal(before["other"], after["other"]);

        await _database.MigrateAsync(Migrations, [Answer(1), Other]);
        Assert.Equal(["1"], await _database.ReadAsync("select control.answer()::text"));
    }

    [Fact]
    public async Task Of_the_changed_functions_all_are_created_or_none()
    {
        await _database.MigrateAsync(Migrations, [Answer(1)]);
        SchemaScript broken = new("broken", "create or replace function control.broken() returns int language sql as 'select nothing'");
        var failed = await Assert.ThrowsAsync<PostgresException>(() => _database.MigrateAsync(Migrations, [Answer(2), broken]));
        Assert.Equal(PostgresErrorCodes.UndefinedColumn, failed.SqlState);
        Assert.Equal(["1"], await _database.ReadAsync("select control.answer()::text"));
        Assert.Equal(["answer"], (await VersionsAsync()).Keys);

        await _database.MigrateAsync(Migrations, [Answer(2)]);
        Assert.Equal(["2"], await _database.ReadAsync("select control.answer()::text"));
    }

    [Fact]
    public async Task Functions_may_call_each_other_whatever_their_names()
    {
        await _database.MigrateAsync(Migrations, [new("aaa", "create or replace function control.aaa() returns int language sql as 'select control.zzz()'"), Zzz]);
        Assert.Equal(["7"], await _database.ReadAsync("select control.aaa()::text"));
    }

    [Fact]
    public async Task A_new_function_may_belong_to_the_role_that_sees_every_tenant()
    {
        await _database.MigrateAsync(Migrations, [Zzz with { Sql = Zzz.Sql + "; alter function control.zzz owner to control_job" }]);
        Assert.Equal(["control_job"], await _database.ReadAsync("select proowner::regrole::text from pg_proc where proname = 'zzz'"));
        Assert.Equal(["false"], await _database.ReadAsync("select has_schema_privilege('control_job', 'control', 'create')::text"));
    }

    static SchemaScript Answer(int number) => new("answer", $"create or replace function control.answer() returns int language sql as 'select {number}'");

    static SchemaScript Other => new("other", "create or replace function control.other() returns int language sql as 'select 0'");

    static SchemaScript Zzz => new("zzz", "create or replace function control.zzz() returns int language sql as 'select 7'");

    async Task<Dictionary<string, string>> VersionsAsync() =>
        (await _database.ReadAsync("select name || ' ' || created_at from public.control_function_versions order by name"))
            .Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[0], parts => parts[1]);
}
