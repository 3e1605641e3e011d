using System.Text.Json;

namespace ControlPlane.DataPlane;

/// <summary>The one table of image pins, <c>dataplane/images.json</c>: every rendering takes its images from it.</summary>
public static class Images
{
    public static IReadOnlyDictionary<string, string> All { get; } = JsonSerializer.Deserialize<Dictionary<string, string>>(Asset.Text("images.json"))!;

    /// <exception cref="KeyNotFoundException">The table has no such part.</exception>
    public static string Of(string part) => All[part];
}

static class Asset
{
    /// <summary>A file of <c>dataplane/</c> that is embedded here.</summary>
    public static string Text(string name)
    {
        using var reader = new StreamReader(typeof(Asset).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
