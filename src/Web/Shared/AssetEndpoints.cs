using Microsoft.Net.Http.Headers;

namespace ControlPlane.Web.Shared;

/// <summary>Stylesheet, script and icon of the pages, embedded so that every host serves the same files.</summary>
static class AssetEndpoints
{
    public static void MapAssets(this IEndpointRouteBuilder routes)
    {
        Map(routes, "site.css", "text/css; charset=utf-8");
        Map(routes, "site.js", "text/javascript; charset=utf-8");
        Map(routes, "icon.svg", "image/svg+xml");
    }

    static void Map(IEndpointRouteBuilder routes, string name, string contentType)
    {
        var assembly = typeof(AssetEndpoints).Assembly;
        using var stream = assembly.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)[..8])}\"");
        routes.MapGet($"/assets/{name}", (HttpResponse response) =>
        {
            // Cached, but revalidated on each use: the tag changes with the content.
            response.Headers.CacheControl = "no-cache";
            return TypedResults.Bytes(bytes, contentType, entityTag: tag);
        }).ExcludeFromDescription();
    }
}
