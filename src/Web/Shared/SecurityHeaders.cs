using Microsoft.Extensions.Primitives;

namespace ControlPlane.Web.Shared;

/// <summary>Headers of every answer. Pages load nothing from elsewhere, run no inline script and sit in no frame.</summary>
sealed class SecurityHeaders(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        // At the last moment: the answer to a failure begins by clearing what was set before.
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
            // Answers are somebody's own, and some hold a key that is shown once.
            headers.CacheControl = "no-store";
        }

        if (request.IsHttps)
        {
            headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
        }
    }
}
