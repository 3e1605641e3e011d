using System.ComponentModel;
using System.Globalization;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;

namespace ControlPlane.Provisioning;

/// <summary>The program <c>pg_dump</c> on this machine.</summary>
public static partial class PgDump
{
    /// <summary>Where packages of Debian and Alpine install versions beside each other.</summary>
    static readonly string[] PackageFolders = ["/usr/lib/postgresql", "/usr/libexec"];

    /// <summary>Path of the oldest version that is at least as new as the server: an older one refuses to work.</summary>
    /// <exception cref="StepFailedException">There is none; the message says what to install.</exception>
    public static async Task<string> FindAsync(int serverVersion, CancellationToken ct)
    {
        var found = new List<(int Version, string Path)>();
        foreach (var path in Candidates().Where(File.Exists))
        {
            if (await ReadVersionAsync(path, ct) is { } version && version >= serverVersion)
            {
                found.Add((version, path));
            }
        }

        return found.Count > 0
            ? found.MinBy(candidate => candidate.Version).Path
            : throw new StepFailedException(
                $"pg_dump {serverVersion} or newer is missing where the control plane runs: install postgresql-client-{serverVersion} (Debian, Ubuntu) or postgresql{serverVersion}-client (Alpine), then retry.");
    }

    // Packages first: on Debian, the program on PATH is a wrapper that chooses a version itself.
    static IEnumerable<string> Candidates() => PackageFolders.Where(Directory.Exists).SelectMany(Directory.GetDirectories)
        .SelectMany(folder => new[] { folder, Path.Combine(folder, "bin") })
        .Select(folder => Path.Combine(folder, "pg_dump"))
        .Append(ProgramPath.Of("pg_dump"));

    static async Task<int?> ReadVersionAsync(string path, CancellationToken ct)
    {
        try
        {
            var result = await Cli.Wrap(path).WithArguments("--version").WithValidation(CommandResultValidation.None).ExecuteBufferedAsync(ct);
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
