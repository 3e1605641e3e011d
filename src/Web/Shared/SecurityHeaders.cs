using Microsoft.Extensions.Primitives;

namespace ControlPlane.Web.Shared;

/// <summary>Security headers of every response. Pages load nothing from other origins, run no inline script and cannot be framed.</summary>
sealed class SecurityHeaders(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        // On starting: the exception handler clears headers that were set before.
        context.Response.OnStarting(() =>
        {
            Add(context.Request, context.Response.Headers);
            return Task.CompletedTask;
        });
        return next(context);
    }

    static void Add(HttpRequest request, IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        if (StringValues.IsNullOrEmpty(headers.CacheControl))
        {
            // Responses are private, and some contain a key that is shown only once.
            headers.CacheControl = "no-store";
        }

        if (request.IsHttps)
        {
            headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
        }
    }
}
