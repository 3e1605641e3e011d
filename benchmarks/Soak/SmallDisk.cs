using System.Globalization;

namespace ControlPlane.Benchmarks.Soak;

/// <summary>A folder on a file system of its own that can be filled. Only root may mount one; for others the folder is an ordinary one.</summary>
sealed class SmallDisk : IAsyncDisposable
{
    const int Mebibytes = 512;

    SmallDisk(string path, bool isMounted) => (Path, IsMounted) = (path, isMounted);

    public string Path { get; }

    /// <summary>Whether it can be filled.</summary>
    public bool IsMounted { get; }

    string Ballast => System.IO.Path.Combine(Path, "ballast");

    public static async Task<SmallDisk> CreateAsync(string path, CancellationToken ct)
    {
        Directory.CreateDirectory(path);
        var size = string.Create(CultureInfo.InvariantCulture, $"size={Mebibytes}m,mode=0700");
        var mounted = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess
            && (await new ExternalCommand("mount", "-t", "tmpfs", "-o", size, "tmpfs", path).RunAsync(ct)).Succeeded;
        return new SmallDisk(path, mounted);
    }

    /// <summary>Leaves not one byte.</summary>
    public void Fill()
    {
        var zeros = new byte[1024 * 1024];
        try
        {
            using var ballast = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
            while (true)
            {
                ballast.Write(zeros);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    public void Free() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        if (IsMounted)
        {
            await new ExternalCommand("umount", "--lazy", Path).RunAsync(CancellationToken.None);
        }
    }
}
