using Microsoft.AspNetCore.Routing;

namespace ControlPlane.Tests;

/// <summary>What a host serves: method and pattern of every route.</summary>
static class RouteTable
{
    public static IReadOnlyList<string> Of(IEnumerable<EndpointDataSource> sources) =>
        [.. sources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(route => route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Select(method => $"{method} /{route.RoutePattern.RawText!.TrimStart('/')}"))
            .Order(StringComparer.Ordinal)];
}
