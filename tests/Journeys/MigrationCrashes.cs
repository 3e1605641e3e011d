using System.Diagnostics;

namespace ControlPlane.Tests;

public sealed class MigrationCrashes
{
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public async Task Killed_while_it_migrates_a_process_is_continued_by_the_next(int formerMigrations)
    {
        var seed = Seeds.Next();
        var random = new Random(seed);
        await using var database = await MigratedDatabase.NewAsync();
        await using var reference = await MigratedDatabase.NewAsync();
        await reference.MigrateAsync();
        if (formerMigrations > 0)
        {
            await database.MigrateAsBeforeAsync(formerMigrations);
        }

        var data = Directory.CreateTempSubdirectory("controlplane-crash-").FullName;
        using var limit = new CancellationTokenSource(Limit);
        var kills = 0;
        while (true)
        {
            var target = await CountAsync(database) + random.Next(1, 4);
            using var process = Migrate(database.ConnectionString, data);
            if (!await ReachesAsync(target, database, process, limit.Token))
            {
                await process.WaitForExitAsync(limit.Token);
                Assert.True(process.ExitCode == 0, $"Seed {seed}: after {kills} kills it ended with {process.ExitCode}");
                break;
            }

            await Task.Delay(random.Next(0, 15), limit.Token);
            process.Kill();
            await process.WaitForExitAsync(limit.Token);
            kills++;
        }

        Assert.True(kills > 0, $"Seed {seed}: it was never killed");
        Assert.Empty(await database.ReadMissingAsync());
        Assert.Equal(await reference.ReadAsync(Schema), await database.ReadAsync(Schema));
        Assert.Equal(
            SchemaScripts.Migrations.Select(migration => migration.Name),
            await database.ReadAsync("select scriptname from public.control_schema_versions order by schemaversionsid"));
        Directory.Delete(data, recursive: true);
    }

    /// <returns>True once the database has run so many scripts; false when the process ends before.</returns>
    static async Task<bool> ReachesAsync(int scripts, MigratedDatabase database, Process process, CancellationToken ct)
    {
        while (!process.HasExited)
        {
            if (await CountAsync(database) >= scripts)
            {
                return true;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(2), ct);
        }

        return false;
    }

    /// <returns>How many scripts the database has run.</returns>
    static async Task<int> CountAsync(MigratedDatabase database) =>
        SchemaScripts.Migrations.Count + SchemaScripts.Functions.Count - (await database.ReadMissingAsync()).Count;

    static Process Migrate(string connectionString, string data)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "controlplane.dll");
        var start = new ProcessStartInfo("dotnet", [program, "migrate", "--database", connectionString, "--data", data])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    const string Schema = """
        select c.relname || ' ' || coalesce(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull, '')
        from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'control'::regnamespace
        union all
        select proname || ' ' || pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') from pg_proc p where p.pronamespace = 'control'::regnamespace
        union all
        select tgname || ' ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
        order by 1
        """;
}
