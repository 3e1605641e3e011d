using Microsoft.Net.Http.Headers;

namespace ControlPlane.Web.Shared;

/// <summary>The stylesheet and the script of the pages, embedded so that every host serves the same ones.</summary>
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
            // Kept, but asked for each time: the tag says whether a new version of the program has another one.
            response.Headers.CacheControl = "no-cache";
            return TypedResults.Bytes(bytes, contentType, entityTag: tag);
        }).ExcludeFromDescription();
    }
}
