namespace ControlPlane.Provisioning;

/// <summary>Model storage in folders of this machine.</summary>
public sealed class ModelFolders(ControlPlaneOptions options) : IModelStorage
{
    public static string PathOf(ControlPlaneOptions options, string slug) => Path.Combine(options.DataDirectory, "models", slug);

    public Task<string> CreateAsync(TenantEnvironment environment, CancellationToken ct)
    {
        Directory.CreateDirectory(PathOf(options, environment.Slug));
        return Task.FromResult($"models/{environment.Slug}");
    }

    public Task<string> RemoveAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var path = PathOf(options, environment.Slug);
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        return Task.FromResult("removed");
    }
}
