namespace ControlPlane.Provisioning;

/// <summary>The step <c>storage</c>: the folder that holds the tenant's own model weights.</summary>
public sealed class ModelStorage(ControlPlaneOptions options)
{
    public static string PathOf(ControlPlaneOptions options, string slug) => Path.Combine(options.DataDirectory, "models", slug);

    public Task<string> MakeAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        Directory.CreateDirectory(PathOf(options, environment.Slug));
        return Task.FromResult($"models/{environment.Slug}");
    }

    public Task<string> RemoveAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var path = PathOf(options, environment.Slug);
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        return Task.FromResult("removed");
    }
}
