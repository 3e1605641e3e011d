namespace ControlPlane.Tests;

/// <summary>Method and pattern of every route that a host serves.</summary>
static class HostRoutes
{
    public static async Task<IReadOnlyList<string>> OfLocalAsync(IEnumerable<KeyValuePair<string, string?>> settings)
    {
        await using var local = LocalHost.Build(settings, port: 0);
        return Of(((IEndpointRouteBuilder)local).DataSources);
    }

    public static IReadOnlyList<string> Of(IEnumerable<EndpointDataSource> sources) =>
        [.. sources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(route => route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Select(method => $"{method} /{route.RoutePattern.RawText!.TrimStart('/')}"))
            .Order(StringComparer.Ordinal)];
}
