using Amazon.Lambda.AspNetCoreServer;
using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Web;

/// <summary>Ends a request before Lambda ends the process: what is under way is rolled back, and the caller learns that he may repeat it.</summary>
sealed class InvocationDeadlineMiddleware(RequestDelegate next)
{
    // What ASP.NET Core answers to a request whose caller is gone, which is how a cancelled one looks.
    const int Cancelled = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Items[AbstractAspNetCoreFunction.LAMBDA_CONTEXT] is not ILambdaContext lambda)
        {
            await next(context);
            return;
        }

        using var invocation = new Invocation(lambda, HttpFunction.TimeToAnswer, TimeProvider.System);
        context.RequestAborted = invocation.Deadline;
        await next(context);
        context.RequestAborted = CancellationToken.None;
        if (invocation.Deadline.IsCancellationRequested && context.Response is { HasStarted: false, StatusCode: Cancelled })
        {
            context.Response.Clear();
            context.Response.Headers.RetryAfter = "5";
            await TypedResults.Problem(
                "It took too long and was stopped. What is not finished was rolled back; send the same request again in a few seconds.",
                statusCode: StatusCodes.Status503ServiceUnavailable, title: "Out of time").ExecuteAsync(context);
        }
    }
}
