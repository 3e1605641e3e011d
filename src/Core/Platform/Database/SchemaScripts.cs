using System.Globalization;
using System.Reflection;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>A script that is embedded in this program.</summary>
/// <param name="Name">The file's name without its extension: a script that moved to another folder is still the same script.</param>
public sealed record SchemaScript(string Name, string Sql);

/// <summary>The schema that this program needs.</summary>
public static class SchemaScripts
{
    /// <summary>Numbered, in their order. One that shipped is never edited.</summary>
    public static IReadOnlyList<SchemaScript> Migrations { get; } = Read("Migrations/");

    /// <summary>One for each SQL function, named after it: Functions/README.md.</summary>
    public static IReadOnlyList<SchemaScript> Functions { get; } = Read("Functions/");

    /// <summary>The number that the newest migration's name begins with.</summary>
    public static int NewestMigration { get; } = int.Parse(Migrations[^1].Name.AsSpan(0, 4), CultureInfo.InvariantCulture);

    /// <returns>Names of the scripts that the database has yet to run; none when this program can work with it.</returns>
    /// <exception cref="NpgsqlException">Database unreachable.</exception>
    public static async Task<IReadOnlyList<string>> ReadMissingAsync(Statements statements, CancellationToken ct)
    {
        try
        {
            return await statements.ScalarAsync<string[]>(Missing, ct, NamesOf(Migrations), NamesOf(Functions)) ?? [];
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            return [.. NamesOf(Migrations), .. NamesOf(Functions)];
        }
    }

    static string[] NamesOf(IReadOnlyList<SchemaScript> scripts) => [.. scripts.Select(script => script.Name)];

    static List<SchemaScript> Read(string folder)
    {
        var assembly = typeof(SchemaScripts).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(resource => resource.StartsWith(folder, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(resource => new SchemaScript(resource[folder.Length..], ReadText(assembly, resource)))];
    }

    static string ReadText(Assembly assembly, string resource)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }

    const string Missing = $"""
        select array(select name from unnest($1::text[]) name except select scriptname from {SchemaJournal.Table} order by 1)
            || array(select name from unnest($2::text[]) name except select name from {SqlFunctions.Table} order by 1)
        """;
}
