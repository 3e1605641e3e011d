using Amazon.Lambda.AspNetCoreServer;
using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Web;

/// <summary>Cancels a request before Lambda's timeout, so that its work is rolled back and the caller is told to retry.</summary>
sealed class InvocationDeadlineMiddleware(RequestDelegate next)
{
    // The status that ASP.NET Core sets on an aborted request, and so on a cancelled one.
    const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Items[AbstractAspNetCoreFunction.LAMBDA_CONTEXT] is not ILambdaContext lambda)
        {
            await next(context);
            return;
        }

        using var invocation = new Invocation(lambda, HttpFunction.ResponseMargin, TimeProvider.System);
        context.RequestAborted = invocation.Deadline;
        await next(context);
        context.RequestAborted = CancellationToken.None;
        if (invocation.Deadline.IsCancellationRequested && context.Response is { HasStarted: false, StatusCode: ClientClosedRequest })
        {
            context.Response.Clear();
            context.Response.Headers.RetryAfter = "5";
            await TypedResults.Problem(
                "The request took too long and was rolled back. Send the same request again in a few seconds.",
                statusCode: StatusCodes.Status503ServiceUnavailable, title: "Timed out").ExecuteAsync(context);
        }
    }
}
