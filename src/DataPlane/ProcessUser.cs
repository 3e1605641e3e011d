using System.Globalization;
using System.Runtime.InteropServices;

namespace ControlPlane.DataPlane;

/// <summary>The user that this process runs as, and to whom the folders it creates belong.</summary>
public static class ProcessUser
{
    /// <summary>User and group by number, such as <c>1654:1654</c>; null on Windows.</summary>
    public static string? Id => OperatingSystem.IsWindows() ? null : string.Create(CultureInfo.InvariantCulture, $"{EffectiveUser()}:{EffectiveGroup()}");

    [DllImport("libc", EntryPoint = "geteuid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern uint EffectiveUser();

    [DllImport("libc", EntryPoint = "getegid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern uint EffectiveGroup();
}
