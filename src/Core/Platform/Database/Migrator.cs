using System.Globalization;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>Applies the numbered migrations that are embedded here, forward only, each in its own transaction, one process at a time.</summary>
public sealed class Migrator(ControlDatabase database, ControlPlaneOptions options)
{
    /// <summary>The number of the newest migration this program knows.</summary>
    public static int Newest { get; } = Migrations().Max(migration => migration.Number);

    /// <returns>The names of the migrations that were applied; none when the schema was up to date.</returns>
    /// <exception cref="InvalidOperationException">The schema is newer than this program.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenOwnerAsync(ct);
        await connection.ExecuteAsync("select pg_advisory_lock(hashtextextended('control.migrations', 0))", ct);
        try
        {
            await connection.ExecuteAsync(MakeLedger, ct);
            await connection.ExecuteAsync("grant select on public.control_migration to public", ct);
            var current = await connection.ScalarAsync<int>(Current, ct);
            if (current > Newest)
            {
                throw new InvalidOperationException(
                    $"The database is at migration {current}, this program knows {Newest}: run the newer program it was migrated with.");
            }

            var applied = new List<string>();
            foreach (var migration in Migrations().Where(m => m.Number > current).OrderBy(m => m.Number))
            {
                await ApplyAsync(connection, migration, options.Region, ct);
                applied.Add(migration.Name);
            }

            return applied;
        }
        finally
        {
            await connection.ExecuteAsync("select pg_advisory_unlock(hashtextextended('control.migrations', 0))", CancellationToken.None);
        }
    }

    static async Task ApplyAsync(NpgsqlConnection connection, Migration migration, string region, CancellationToken ct)
    {
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await connection.ExecuteAsync("select set_config('app.region', $1, true)", ct, region);
        await using (var script = new NpgsqlCommand(migration.Sql, connection, transaction))
        {
            await script.ExecuteNonQueryAsync(ct);
        }

        await connection.ExecuteAsync("insert into public.control_migration (number, name) values ($1, $2)", ct, migration.Number, migration.Name);
        await transaction.CommitAsync(ct);
    }

    static IEnumerable<Migration> Migrations()
    {
        var assembly = typeof(Migrator).Assembly;
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)))
        {
            var name = resource.Split('.')[^2];
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            yield return new Migration(int.Parse(name.TrimStart('_').AsSpan(0, 4), CultureInfo.InvariantCulture), name.TrimStart('_'), reader.ReadToEnd());
        }
    }

    sealed record Migration(int Number, string Name, string Sql);

    const string MakeLedger = """
        create table if not exists public.control_migration (
            number int primary key, name text not null, applied_at timestamptz not null default now())
        """;

    /// <summary>The migration the database is at; 0 when it is empty. Also asked by /readyz.</summary>
    public const string Current = "select coalesce(max(number), 0) from public.control_migration";
}
