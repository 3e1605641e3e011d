using System.Text.Json;

namespace ControlPlane.DataPlane;

/// <summary>The image pins of <c>dataplane/images.json</c>, used by every rendering.</summary>
public static class Images
{
    public static IReadOnlyDictionary<string, string> All { get; } = JsonSerializer.Deserialize<Dictionary<string, string>>(EmbeddedFile.Read("images.json"))!;

    /// <exception cref="KeyNotFoundException"><paramref name="part"/> is not in the table.</exception>
    public static string Get(string part) => All[part];
}
