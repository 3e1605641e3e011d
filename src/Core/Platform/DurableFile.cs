using System.Runtime.InteropServices;

namespace ControlPlane.Platform;

/// <summary>Files that survive a killed process and a power cut: each exists completely or not at all.</summary>
static class DurableFile
{
    /// <summary>Suffix of a file until it is complete. A process that is killed while it writes leaves such a file behind.</summary>
    public const string Partial = ".partial";

    /// <summary>Writes a new file that only its owner may read. Returns once it is on disk under its name.</summary>
    /// <exception cref="IOException">The disk is full or fails, or the file exists; the partial file is deleted.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        var partial = path + Partial;
        try
        {
            using (var file = new FileStream(partial, CreateOptions()))
            {
                content(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: false);
            SyncFolder(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Creates a folder that only its owner may enter, unless it exists.</summary>
    public static void CreateFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        SyncFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>Flushes added, renamed and deleted names of the folder to disk. Windows does so by itself.</summary>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var folder = Open(path, ReadOnly);
        var synced = folder >= 0 && Sync(folder) == 0;
        var error = Marshal.GetLastPInvokeError();
        if (folder >= 0)
        {
            _ = Close(folder);
        }

        if (!synced)
        {
            throw new IOException($"{path} cannot be flushed to disk: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    static FileStreamOptions CreateOptions()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    // .NET cannot open folders.
    const int ReadOnly = 0;

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    static extern int Sync(int file);

    [DllImport("libc", EntryPoint = "close")]
    static extern int Close(int file);
}
