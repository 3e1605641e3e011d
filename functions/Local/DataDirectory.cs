namespace ControlPlane.Local;

/// <summary>The folder of one installation: database, keys, mail, rendered environments. One process at a time owns it.</summary>
public sealed class DataDirectory : IDisposable
{
    /// <summary>What the system calls a file that is locked: EWOULDBLOCK on Linux and on macOS.</summary>
    static readonly int[] Locked = [11, 35];

    FileStream? _lock;

    DataDirectory(string path) => Path = path;

    public string Path { get; }

    public string Mail => At("mail");
    public string Environments => At("environments");

    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes the folder when it is not there. It holds mail and keys, so nobody else may look into it; when we are root the
    /// database's user must be able to pass through.</summary>
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

    /// <returns>False when another process owns the folder. The lock ends with this process, however it ends.</returns>
    public bool TryOwn()
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
