using System.Net;

namespace ControlPlane.Lambda.Web;

/// <summary>
/// Accepts only requests that come through CloudFront, except health checks, and takes the client's address from it. See
/// docs/decisions/0008-cloudfront-in-front-of-the-http-api.md.
/// </summary>
sealed class CloudFrontMiddleware(RequestDelegate next, OriginTokens tokens)
{
    const string TokenHeader = "X-Origin-Token";

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (!tokens.IsValid(request.Headers[TokenHeader].ToString()) && request.Path.Value is not ("/healthz" or "/readyz"))
        {
            return TypedResults.Problem(
                "Use the portal's address; this one cannot be called directly.", statusCode: StatusCodes.Status403Forbidden, title: "Direct access is not allowed").ExecuteAsync(context);
        }

        if (Viewer(request.Headers["X-Forwarded-For"].ToString()) is { } viewer)
        {
            context.Connection.RemoteIpAddress = viewer;
        }

        return next(context);
    }

    /// <summary>
    /// API Gateway appends CloudFront's address, and CloudFront the viewer's before it. Earlier entries can be forged by the client.
    /// </summary>
    /// <returns>null if there is no such entry, as in a health check.</returns>
    static IPAddress? Viewer(string forwardedFor) =>
        forwardedFor.Split(',', StringSplitOptions.TrimEntries) is [.., var viewer, _] && IPAddress.TryParse(viewer, out var address) ? address : null;
}
