using System.Globalization;
using System.Text.RegularExpressions;

namespace ControlPlane.Local.Postgres;

/// <summary>The server programs of one PostgreSQL installation, all of them in one folder.</summary>
sealed partial record PostgresBinaries(string Folder, int Version)
{
    /// <summary>The oldest major version the schema works on.</summary>
    const int Oldest = 15;

    static readonly string[] Needed = ["initdb", "pg_ctl", "postgres"];

    public string Program(string name) => Path.Combine(Folder, name);

    /// <summary>The installations of this machine: first the one on PATH, then the others, newest first.</summary>
    /// <param name="user">Who has to be able to run them.</param>
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

    /// <returns>null when the folder lacks a program, they do not run here, or are too old.</returns>
    public static async Task<PostgresBinaries?> InAsync(string folder, ClusterUser user, CancellationToken ct)
    {
        if (!Needed.All(name => File.Exists(Path.Combine(folder, name))))
        {
            return null;
        }

        var said = await user.Runs(Path.Combine(folder, "postgres"), "--version").RunAsync(ct);
        return said.Succeeded && MajorVersion().Match(said.Text) is { Success: true } match
            && int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) is >= Oldest and var version
            ? new PostgresBinaries(folder, version)
            : null;
    }

    // A link or a lone wrapper on PATH says where the installation is; its folder must hold all the programs.
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
