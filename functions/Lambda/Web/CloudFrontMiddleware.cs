using System.Net;

namespace ControlPlane.Lambda.Web;

/// <summary>
/// Serves what comes through CloudFront, and nobody who has found the origin by himself; the health checks alone come directly. See
/// docs/decisions/0008-the-way-to-the-functions.md.
/// </summary>
sealed class ThroughCloudFront(RequestDelegate next, OriginTokens tokens)
{
    const string TokenHeader = "X-Origin-Token";

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (!tokens.Have(request.Headers[TokenHeader].ToString()) && request.Path.Value is not ("/healthz" or "/readyz"))
        {
            return TypedResults.Problem(
                "Use the portal's own address: this one is not for direct calls.", statusCode: StatusCodes.Status403Forbidden, title: "Not this way").ExecuteAsync(context);
        }

        if (Viewer(request.Headers["X-Forwarded-For"].ToString()) is { } viewer)
        {
            context.Connection.RemoteIpAddress = viewer;
        }

        return next(context);
    }

    /// <summary>
    /// The last entry is CloudFront, as API Gateway saw it, the one before is who called CloudFront. What stands before that the caller has written.
    /// </summary>
    /// <returns>null when there is no such entry, as in a health check.</returns>
    static IPAddress? Viewer(string forwardedFor) =>
        forwardedFor.Split(',', StringSplitOptions.TrimEntries) is [.., var viewer, _] && IPAddress.TryParse(viewer, out var address) ? address : null;
}
