using System.Globalization;
using System.Text.RegularExpressions;

namespace ControlPlane.Local.Postgres;

/// <summary>The server programs of one PostgreSQL installation, in one folder.</summary>
sealed partial record PostgresBinaries(string Folder, int Version)
{
    /// <summary>The oldest major version that the schema supports.</summary>
    const int MinimumVersion = 15;

    static readonly string[] Required = ["initdb", "pg_ctl", "postgres"];

    public string Program(string name) => Path.Combine(Folder, name);

    /// <summary>The installations on this machine: the one on PATH first, then the others, newest first.</summary>
    /// <param name="user">Must be able to run them.</param>
    public static async Task<IReadOnlyList<PostgresBinaries>> FindAsync(ClusterUser user, CancellationToken ct)
    {
        var found = new List<PostgresBinaries>();
        foreach (var folder in OnPath().Concat(Packaged()).Distinct())
        {
            if (await InAsync(folder, user, ct) is { } binaries)
            {
                found.Add(binaries);
            }
        }

        return found;
    }

    /// <returns>null when a program is missing, does not run on this machine, or is too old.</returns>
    public static async Task<PostgresBinaries?> InAsync(string folder, ClusterUser user, CancellationToken ct)
    {
        if (!Required.All(name => File.Exists(Path.Combine(folder, name))))
        {
            return null;
        }

        var output = await user.Command(Path.Combine(folder, "postgres"), "--version").RunAsync(ct);
        return output.Succeeded && MajorVersion().Match(output.Text) is { Success: true } match
            && int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) is >= MinimumVersion and var version
            ? new PostgresBinaries(folder, version)
            : null;
    }

    // A link on PATH leads to the installation; its folder must hold all the programs.
    static IEnumerable<string> OnPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, "postgres"))
            .Where(File.Exists)
            .Select(file => Path.GetDirectoryName(File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(file))!);

    static IEnumerable<string> Packaged() =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin"))
            : [];

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex MajorVersion();
}
