using System.Globalization;
using System.Runtime.InteropServices;

namespace ControlPlane.DataPlane;

/// <summary>The group that this process runs as, and to which the folders it creates belong.</summary>
public static class ProcessGroup
{
    /// <summary>By number; null on Windows.</summary>
    public static string? Id => OperatingSystem.IsWindows() ? null : EffectiveGroup().ToString(CultureInfo.InvariantCulture);

    [DllImport("libc", EntryPoint = "getegid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern uint EffectiveGroup();
}
