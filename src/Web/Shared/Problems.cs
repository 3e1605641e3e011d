using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;

namespace ControlPlane.Web.Shared;

/// <summary>RFC 9457 problem+json for API responses; browsers get a page (<see cref="ErrorPages"/>).</summary>
static class ProblemResponses
{
    public static void AddControlPlaneProblems(this IServiceCollection services)
    {
        services.AddProblemDetails(options => options.CustomizeProblemDetails = problem => problem.ProblemDetails.Detail ??= problem.ProblemDetails.Status switch
        {
            StatusCodes.Status401Unauthorized => "Send a valid key as Authorization: Bearer …. The key is missing, unknown or revoked.",
            StatusCodes.Status403Forbidden => "This key does not allow the request: tenant keys start with cpt_, operator keys with cpo_.",
            StatusCodes.Status404NotFound => "There is no resource at this address. /openapi/v1.json lists all paths.",
            StatusCodes.Status405MethodNotAllowed => "This address does not support the method. /openapi/v1.json lists the supported ones.",
            StatusCodes.Status415UnsupportedMediaType => "Send a supported Content-Type such as application/json.",
            _ => null,
        });
        // Otherwise a malformed body gets a 400 without a detail.
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.AddExceptionHandler<BadRequest>();
        services.AddExceptionHandler<TenantBusyHandler>();
        services.AddExceptionHandler<QueueFull>();
        services.AddExceptionHandler<DatabaseUnavailable>();
        services.AddExceptionHandler<MalformedRequestExceptionHandler>();
    }

    public static void UseControlPlaneProblems(this IApplicationBuilder app)
    {
        // The API answers in JSON whatever the Accept header says.
        app.Use((context, next) =>
        {
            if (!ErrorPages.IsPage(context.Request))
            {
                context.Request.Headers.Accept = "application/json";
            }

            return next(context);
        });
        app.UseExceptionHandler();
        app.UseStatusCodePages();
    }

    sealed class QueueFull(IProblemDetailsService problems) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
        {
            if (exception is not QueueFullException)
            {
                return false;
            }

            context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            context.Response.Headers.RetryAfter = QueueFullException.RetryAfter.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
            return await problems.TryWriteAsync(new ProblemDetailsContext
            {
                HttpContext = context,
                ProblemDetails = { Status = StatusCodes.Status429TooManyRequests, Title = "Too many requests", Detail = exception.Message },
            });
        }
    }

    sealed class DatabaseUnavailable(IProblemDetailsService problems, ILogger<DatabaseUnavailable> log) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
        {
            if (!exception.IsDatabaseUnavailable())
            {
                return false;
            }

            // An outage that is already known repeats with every request: no stack trace.
            var isKnown = exception is DatabaseUnavailableException and not OverflowFullException;
            log.Log(isKnown ? LogLevel.Warning : LogLevel.Error, isKnown ? null : exception, "Database unavailable");
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "5";
            return await problems.TryWriteAsync(new ProblemDetailsContext
            {
                HttpContext = context,
                ProblemDetails =
                {
                    Status = 503,
                    Title = "Database unavailable",
                    Detail = exception is OverflowFullException ? exception.Message : "Nothing was changed. Send the same request again in a few seconds.",
                },
            });
        }
    }
}
