using Microsoft.AspNetCore.Diagnostics;

namespace ControlPlane.Web.Shared;

/// <summary>RFC 9457 problem+json for everything that is not a page; pages get a page (<see cref="ErrorPages"/>).</summary>
static class ProblemAnswers
{
    public static void AddControlPlaneProblems(this IServiceCollection services)
    {
        services.AddProblemDetails(options => options.CustomizeProblemDetails = problem => problem.ProblemDetails.Detail ??= problem.ProblemDetails.Status switch
        {
            StatusCodes.Status401Unauthorized => "Send a key as Authorization: Bearer …; this one is missing, unknown or revoked.",
            StatusCodes.Status403Forbidden => "This key is not for this: tenants' keys start with cpt_, an operator's with cpo_.",
            StatusCodes.Status404NotFound => "There is nothing at this address. /openapi/v1.json lists what there is.",
            StatusCodes.Status405MethodNotAllowed => "This address does not take this method. /openapi/v1.json lists what it takes.",
            StatusCodes.Status415UnsupportedMediaType => "Say in Content-Type what you send, such as application/json.",
            _ => null,
        });
        // Otherwise a body that cannot be read is answered with a bare 400, which helps nobody.
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.AddExceptionHandler<BadRequest>();
        services.AddExceptionHandler<DatabaseUnavailable>();
        services.AddExceptionHandler<MalformedRequestExceptionHandler>();
    }

    public static void UseControlPlaneProblems(this IApplicationBuilder app)
    {
        // The API speaks JSON whatever a browser asks for.
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

    sealed class DatabaseUnavailable(IProblemDetailsService problems, ILogger<DatabaseUnavailable> log) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
        {
            if (!exception.IsDatabaseUnavailable())
            {
                return false;
            }

            // What is known already comes with every request, and is no news.
            var isKnown = exception is DatabaseUnavailableException and not OverflowFullException;
            log.Log(isKnown ? LogLevel.Warning : LogLevel.Error, isKnown ? null : exception, "The database is away");
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "5";
            return await problems.TryWriteAsync(new ProblemDetailsContext
            {
                HttpContext = context,
                ProblemDetails =
                {
                    Status = 503,
                    Title = "The database is away",
                    Detail = exception is OverflowFullException ? exception.Message : "Nothing was changed. Send the same request again in a few seconds.",
                },
            });
        }
    }
}
