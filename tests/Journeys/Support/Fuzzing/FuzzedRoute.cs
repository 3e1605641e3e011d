using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing.Patterns;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>One route of the running application with one of its methods.</summary>
/// <param name="Names">Named parameters of its handler: query parameters and form fields.</param>
/// <param name="TakesForm">Whether its body is a form, not JSON.</param>
sealed record FuzzedRoute(string Method, RoutePattern Pattern, IReadOnlyList<string> Names, bool TakesForm)
{
    static readonly Type[] ReadFromText = [typeof(string), typeof(int?), typeof(int), typeof(Guid?), typeof(Guid), typeof(bool?), typeof(bool), typeof(DateOnly?)];

    /// <summary>Every route of the application, so that new ones are covered automatically.</summary>
    public static IReadOnlyList<FuzzedRoute> All(TestServer server) =>
    [
        .. from endpoint in server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
           from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
           select new FuzzedRoute(method, endpoint.RoutePattern, NamesOf(endpoint), TakesFormAt(endpoint)),
    ];

    /// <summary>The intended <see cref="Caller"/>.</summary>
    public string IntendedCaller => Pattern.RawText! switch
    {
        var path when path.StartsWith("/v1/admin", StringComparison.Ordinal) || path.StartsWith("/v1/sandbox", StringComparison.Ordinal)
            || path == "/v1/webhooks/mail" => Caller.Operator,
        var path when path.StartsWith("/v1/", StringComparison.Ordinal) => Caller.Tenant,
        var path when path.StartsWith("/app", StringComparison.Ordinal) || path == "/logout" => Caller.Member,
        var path when path.StartsWith("/admin", StringComparison.Ordinal) && path != "/admin/login" => Caller.OperatorBrowser,
        _ => Caller.Anyone,
    };

    /// <param name="fill">Returns the text for a parameter.</param>
    public string Path(Func<string, string> fill) =>
        "/" + string.Join('/', Pattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part => part switch
        {
            RoutePatternLiteralPart literal => literal.Content,
            RoutePatternSeparatorPart separator => separator.Content,
            RoutePatternParameterPart parameter => fill(parameter.Name),
            _ => "",
        }))));

    public override string ToString() => $"{Method} {Pattern.RawText}";

    static bool TakesFormAt(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes.Any(type => type.Contains("form", StringComparison.Ordinal)) == true;

    static List<string> NamesOf(RouteEndpoint endpoint) =>
    [
        .. endpoint.Metadata.OfType<MethodInfo>().SelectMany(handler => handler.GetParameters())
            .Where(parameter => ReadFromText.Contains(parameter.ParameterType)).Select(parameter => parameter.Name!),
    ];
}
