namespace ControlPlane.Local;

/// <summary>The folder of one installation: database, keys, mail, rendered environments. One process at a time holds its lock.</summary>
public sealed class DataDirectory : IDisposable
{
    /// <summary>EWOULDBLOCK on Linux and on macOS: the file is locked.</summary>
    static readonly int[] Locked = [11, 35];

    FileStream? _lock;

    DataDirectory(string path) => Path = path;

    public string Path { get; }

    public string Mail => At("mail");
    public string Environments => At("environments");

    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Creates the folder when it is missing. It holds mail and keys, so only its owner may list it; when running as root, the
    /// database user must be able to traverse it.</summary>
    public static DataDirectory Open(string path)
    {
        var data = new DataDirectory(System.IO.Path.GetFullPath(path));
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(data.Path);
            return data;
        }

        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        const UnixFileMode pass = UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        if (!Directory.Exists(data.Path))
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(data.Path)!);
            Directory.CreateDirectory(data.Path, Environment.IsPrivilegedProcess ? own | pass : own);
        }

        return data;
    }

    /// <returns>False when another process holds the lock. The lock ends with this process, however it ends.</returns>
    public bool TryLock()
    {
        try
        {
            _lock ??= new FileStream(At("run.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException e) when (Locked.Contains(e.HResult))
        {
            return false;
        }
    }

    public void Dispose() => _lock?.Dispose();
}
