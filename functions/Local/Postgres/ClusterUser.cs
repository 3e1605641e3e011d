namespace ControlPlane.Local.Postgres;

/// <summary>Who the database server runs as: ourselves, or an unprivileged user when we are root, as PostgreSQL refuses root.</summary>
/// <param name="Name">null: ourselves.</param>
sealed record ClusterUser(string? Name, IReadOnlyList<string> Prefix)
{
    public static ClusterUser Ourselves { get; } = new(null, []);

    /// <exception cref="CannotStartException">We are root and cannot become anybody else.</exception>
    public static async Task<ClusterUser> ChooseAsync(CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return Ourselves;
        }

        var name = await new ExternalCommand("id", "-u", "postgres").RunAsync(ct) is { Succeeded: true } ? "postgres" : "nobody";
        var group = (await new ExternalCommand("id", "-gn", name).RunAsync(ct)).Text.Trim();
        string[][] ways = [["setpriv", "--reuid", name, "--regid", group, "--clear-groups", "--"], ["runuser", "-u", name, "--"], ["sudo", "-n", "-u", name, "--"]];
        foreach (var way in ways)
        {
            if (await new ExternalCommand([.. way, "true"]).RunAsync(ct) is { Succeeded: true })
            {
                return new ClusterUser(name, way);
            }
        }

        throw new CannotStartException("PostgreSQL does not run as root and neither setpriv, runuser nor sudo is here: start this as another user, or give --database.");
    }

    /// <summary>The program, run as this user.</summary>
    public ExternalCommand Runs(params string[] words) => new([.. Prefix, .. words]);

    public async Task<bool> MayEnterAsync(string folder, CancellationToken ct) => (await Runs("test", "-x", folder).RunAsync(ct)).Succeeded;

    /// <summary>Makes a folder or file this user's own.</summary>
    public async Task TakeOverAsync(string path, CancellationToken ct)
    {
        if (Name is not null && await new ExternalCommand("chown", "-R", Name, path).RunAsync(ct) is { Succeeded: false } failed)
        {
            throw new CannotStartException($"Cannot give {path} to the user {Name}: {failed.Complaint}");
        }
    }
}
