namespace ControlPlane.Local.Postgres;

/// <summary>The user that the database server runs as: the current one, or an unprivileged one when that is root, which PostgreSQL refuses.</summary>
/// <param name="Name">null: the current user.</param>
/// <param name="Prefix">Words that run a command as this user.</param>
sealed record ClusterUser(string? Name, IReadOnlyList<string> Prefix)
{
    public static ClusterUser Current { get; } = new(null, []);

    /// <exception cref="CommandFailedException">The current user is root and no program to switch users is available.</exception>
    public static async Task<ClusterUser> ChooseAsync(CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return Current;
        }

        var name = await new ExternalCommand("id", "-u", "postgres").RunAsync(ct) is { Succeeded: true } ? "postgres" : "nobody";
        var group = (await new ExternalCommand("id", "-gn", name).RunAsync(ct)).Text.Trim();
        string[][] prefixes = [["setpriv", "--reuid", name, "--regid", group, "--clear-groups", "--"], ["runuser", "-u", name, "--"], ["sudo", "-n", "-u", name, "--"]];
        foreach (var prefix in prefixes)
        {
            if (await new ExternalCommand([.. prefix, "true"]).RunAsync(ct) is { Succeeded: true })
            {
                return new ClusterUser(name, prefix);
            }
        }

        throw new CommandFailedException("PostgreSQL does not run as root, and none of setpriv, runuser and sudo is installed: start this as another user, or use --database.");
    }

    /// <summary>The command, run as this user.</summary>
    public ExternalCommand Command(params string[] words) => new([.. Prefix, .. words]);

    public async Task<bool> CanEnterAsync(string folder, CancellationToken ct) => (await Command("test", "-x", folder).RunAsync(ct)).Succeeded;

    /// <summary>Makes this user the owner of a folder or file.</summary>
    public async Task ChangeOwnerAsync(string path, CancellationToken ct)
    {
        if (Name is not null && await new ExternalCommand("chown", "-R", Name, path).RunAsync(ct) is { Succeeded: false } failed)
        {
            throw new CommandFailedException($"Cannot make {Name} the owner of {path}: {failed.ErrorLine}");
        }
    }
}
