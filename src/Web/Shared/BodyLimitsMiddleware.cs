using System.Globalization;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Bounds what the body of a request costs, whatever the host: <see cref="BodyLimit"/>, <see cref="UnverifiedBytes"/> and <see cref="UsageDeliveries"/>. Nothing is read here; keys and
/// sessions are checked before the endpoint reads the body.
/// </summary>
sealed class BodyLimitsMiddleware(RequestDelegate next, UnverifiedBytes budget, IProblemDetailsService problems)
{
    const int KiB = 1024;
    public const string RetryAfterSeconds = "5";

    const string TooMuchUsage =
        "Your organization is sending more usage at the same time than is accepted from one tenant. Nothing of this request was counted: wait for the responses to the "
        + "others, then send it again.";

    public async Task InvokeAsync(HttpContext context)
    {
        var limit = BodyLimit.Of(context);
        if (limit.NeedsTenantKey && !Credentials.IsTenantKey(BearerKeys.KeyOf(context.Request)))
        {
            await BearerKeys.UnknownTenantKey().ExecuteAsync(context);
            return;
        }

        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
        {
            await next(context);
            return;
        }

        await using var body = new BoundedBody(context, context.Request.Body, limit, budget);
        context.Features.Set(body);
        context.Request.Body = body;
        try
        {
            await next(context);
        }
        catch (Exception) when (body.Violation is not null && !context.Response.HasStarted)
        {
            // However the reader has reported it, the response is below.
        }

        if (body.Violation is { } status && !context.Response.HasStarted)
        {
            await RespondAsync(context, limit, status);
        }
    }

    async Task RespondAsync(HttpContext context, BodyLimit limit, int status)
    {
        context.Response.StatusCode = status;
        if (status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            context.Response.Headers.RetryAfter = RetryAfterSeconds;
        }

        await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails =
            {
                Status = status,
                Detail = status switch
                {
                    StatusCodes.Status408RequestTimeout => $"The body did not arrive within {limit.Time.TotalSeconds:0} seconds. Send the request again.",
                    StatusCodes.Status413PayloadTooLarge => TooLarge(limit),
                    StatusCodes.Status429TooManyRequests => TooMuchUsage,
                    _ => "More data is arriving than can be processed. Send the request again in a few seconds.",
                },
            },
        });
    }

    static string TooLarge(BodyLimit limit) => limit == BodyLimit.Usage
        ? "The body exceeds 16 MiB. Send fewer events per request, or stream NDJSON with a tenant key as Bearer."
        : string.Create(CultureInfo.InvariantCulture, $"The body exceeds {limit.Bytes / KiB} KiB.");
}
