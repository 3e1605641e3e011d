namespace ControlPlane.Provisioning;

/// <summary>Model storage in folders of this machine.</summary>
public sealed class ModelFolders(ControlPlaneOptions options) : IModelStorage
{
    const UnixFileMode OfOwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.SetGroup;

    /// <param name="name">Of the environment.</param>
    public static string PathOf(ControlPlaneOptions options, string name) => Path.Combine(options.DataDirectory, "models", name);

    public Task<string> CreateAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var path = PathOf(options, environment.Name);
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            if (!OperatingSystem.IsWindows())
            {
                // Ollama runs as another user of this process's group.
                File.SetUnixFileMode(path, OfOwnerAndGroup);
            }
        }

        return Task.FromResult($"models/{environment.Name}");
    }

    public Task<string> RemoveAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var path = PathOf(options, environment.Name);
        try
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
        }
        catch (UnauthorizedAccessException e)
        {
            // The data plane empties it, unless the project was started by hand.
            throw new StepFailedException($"{path} has files of another user: delete it, then retry.", e);
        }

        return Task.FromResult("removed");
    }
}
