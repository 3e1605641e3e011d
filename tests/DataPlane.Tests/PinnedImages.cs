using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests;

/// <summary>Which images may be used: with an exact version or a digest, and none of the versions in <c>dataplane/refused-versions.json</c>.</summary>
static partial class PinnedImages
{
    static readonly Dictionary<string, string[]> Refused = JsonSerializer.Deserialize<Dictionary<string, string[]>>(File.ReadAllText(Vps.Repository.At("dataplane/refused-versions.json")))!;

    /// <returns>null: it may be used.</returns>
    public static string? Problem(string image)
    {
        var digest = image.IndexOf("@sha256:", StringComparison.Ordinal);
        var tagged = digest < 0 ? image : image[..digest];
        var name = tagged[(tagged.LastIndexOf('/') + 1)..];
        if (Refused.Any(part => name.StartsWith(part.Key, StringComparison.OrdinalIgnoreCase) && part.Value.Any(version => VersionOf(name) == version)))
        {
            return $"{image} is a refused version";
        }

        return (digest >= 0 && Digest().IsMatch(image)) || Version().IsMatch(name) ? null : $"{image} has no exact version";
    }

    static string VersionOf(string name) => Number().Match(name).Groups[1].Value;

    [GeneratedRegex(@"@sha256:[0-9a-f]{64}$")]
    private static partial Regex Digest();

    // At least two numbers: a tag with one, or with none, moves.
    [GeneratedRegex(@"^[\w.-]+:v?\d+\.\d+(\.\d+)*(-[\w.]+)?$")]
    private static partial Regex Version();

    [GeneratedRegex(@":(?:main-)?v?(\d+(?:\.\d+)+)")]
    private static partial Regex Number();
}
