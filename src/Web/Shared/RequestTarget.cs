using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Text of any kind as the rest of a path. The path that routing sees has every escape decoded except that of the slash, so <c>%2F</c> and <c>%252F</c>
/// look the same in it; the target of the request line still has both.
/// </summary>
static class RequestTarget
{
    /// <param name="prefix">Of the path, with its last slash.</param>
    /// <param name="routed">The rest of the path as routing sees it, for hosts that have no target.</param>
    /// <returns>The rest of the path, decoded once.</returns>
    public static string After(HttpContext context, string prefix, string routed)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        var path = target.AsSpan(0, target.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query ? query : target.Length);
        var start = path.IndexOf(prefix, StringComparison.OrdinalIgnoreCase);
        return start < 0 ? routed : Uri.UnescapeDataString(path[(start + prefix.Length)..]);
    }
}
