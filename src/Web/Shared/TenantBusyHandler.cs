using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;

namespace ControlPlane.Web.Shared;

/// <summary>A tenant whose own work is in the way gets 503, or 429 when it sends too much at the same time, with Retry-After.</summary>
sealed class TenantBusyHandler(IProblemDetailsService problems, ILogger<TenantBusyHandler> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        if (TenantBusyException.Of(exception) is not { } busy)
        {
            return false;
        }

        log.LogWarning("Refused a request of a tenant that is busy: {Reason}", busy.InnerException?.Message ?? busy.Message);
        context.Response.StatusCode = busy.Status();
        context.Response.Headers.RetryAfter = busy.RetryAfterSeconds();
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = { Status = busy.Status(), Title = busy.QueueIsFull ? "Too many requests" : "Busy", Detail = busy.Message },
        });
    }
}

static class TenantBusyStatus
{
    /// <summary>429 for a tenant that sends too much at the same time; 503 when something else holds its data.</summary>
    public static int Status(this TenantBusyException busy) =>
        busy.QueueIsFull ? StatusCodes.Status429TooManyRequests : StatusCodes.Status503ServiceUnavailable;

    /// <summary>For the header Retry-After.</summary>
    public static string RetryAfterSeconds(this TenantBusyException busy) => Math.Ceiling(busy.Delay.TotalSeconds).ToString("0", CultureInfo.InvariantCulture);
}
