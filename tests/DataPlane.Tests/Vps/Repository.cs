using System.Runtime.CompilerServices;

namespace ControlPlane.Tests.Vps;

static class Repository
{
    /// <summary>The folder that everything here is tested in.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "../../.."));

    public static string At(string path) => Path.Combine(Root, path);

    static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
