using System.ComponentModel;
using System.Globalization;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;

namespace ControlPlane.Provisioning;

/// <summary>The programs of a PostgreSQL client on this machine.</summary>
/// <param name="Dump">Path of <c>pg_dump</c>.</param>
/// <param name="Restore">Path of <c>pg_restore</c>.</param>
public sealed partial record PostgresTools(string Dump, string Restore)
{
    /// <summary>Where packages of Debian and Alpine install versions beside each other.</summary>
    static readonly string[] PackageFolders = ["/usr/lib/postgresql", "/usr/libexec"];

    /// <summary>The oldest version that is at least as new as the server: an older pg_dump refuses to work.</summary>
    /// <param name="advice">What to do where none can be installed; null: install them.</param>
    /// <exception cref="StepFailedException">There is none; the message says what to do.</exception>
    public static async Task<PostgresTools> FindAsync(int serverVersion, string? advice, CancellationToken ct)
    {
        var found = new List<(int Version, PostgresTools Tools)>();
        foreach (var tools in Candidates().Where(tools => File.Exists(tools.Dump) && File.Exists(tools.Restore)))
        {
            if (await tools.ReadVersionAsync(ct) is { } version && version >= serverVersion)
            {
                found.Add((version, tools));
            }
        }

        return found.Count > 0
            ? found.MinBy(candidate => candidate.Version).Tools
            : throw new StepFailedException(
                $"pg_dump and pg_restore {serverVersion} or newer are missing where the control plane runs: {advice ?? $"install postgresql-client-{serverVersion} (Debian, Ubuntu) or postgresql{serverVersion}-client (Alpine), then retry"}.");
    }

    // Packages first: on Debian, the programs on PATH are wrappers that choose a version themselves.
    static IEnumerable<PostgresTools> Candidates() => PackageFolders.Where(Directory.Exists).SelectMany(Directory.GetDirectories)
        .SelectMany(folder => new[] { folder, Path.Combine(folder, "bin") })
        .Select(folder => new PostgresTools(Path.Combine(folder, "pg_dump"), Path.Combine(folder, "pg_restore")))
        .Append(new PostgresTools(ProgramPath.Of("pg_dump"), ProgramPath.Of("pg_restore")));

    async Task<int?> ReadVersionAsync(CancellationToken ct)
    {
        try
        {
            var result = await Cli.Wrap(Dump).WithArguments("--version").WithValidation(CommandResultValidation.None).ExecuteBufferedAsync(ct);
            return MajorVersion().Match(result.StandardOutput) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : null;
        }
        catch (Win32Exception)
        {
            // Built for another machine.
            return null;
        }
    }

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex MajorVersion();
}
