using System.Runtime.CompilerServices;

namespace ControlPlane.Tests.Vps;

static class Repository
{
    /// <summary>The root of the checkout under test.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "../../.."));

    public static string At(string path) => Path.Combine(Root, path);

    static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
