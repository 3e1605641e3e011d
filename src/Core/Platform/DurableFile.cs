using System.Runtime.InteropServices;

namespace ControlPlane.Platform;

/// <summary>Files that survive a killed process and a power cut: each is there as a whole or not at all.</summary>
static class DurableFile
{
    /// <summary>What a file is called until it is whole. A process that is killed in between leaves one behind.</summary>
    public const string Partial = ".partial";

    /// <summary>Writes a new file that only its owner may read. Returns when it is on the disk under its name.</summary>
    /// <exception cref="IOException">The disk is full or fails, or the file is there already; nothing is left of the attempt.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        var partial = path + Partial;
        try
        {
            using (var file = new FileStream(partial, Options()))
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

    /// <summary>Makes a folder that only its owner may enter, if it is not there.</summary>
    public static void MakeFolder(string path)
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

    /// <summary>Puts names that were added, changed or removed in the folder on the disk. Windows does so by itself.</summary>
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
            throw new IOException($"{path} cannot be written to the disk: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    static FileStreamOptions Options()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    // .NET opens no folders.
    const int ReadOnly = 0;

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    static extern int Sync(int file);

    [DllImport("libc", EntryPoint = "close")]
    static extern int Close(int file);
}
