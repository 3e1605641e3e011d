namespace ControlPlane.Web.Shared;

/// <summary>
/// Takes the operators' key over from the settings, for hosts that have no moment of starting: before a request of an operator, so that nobody else
/// waits for it, and before each of them, because a process that has not noticed the new key yet may have put the former back. Once all have,
/// a key that was replaced opens nothing any more.
/// </summary>
public sealed class OperatorKeySyncMiddleware(RequestDelegate next, ControlDatabase database, Clock clock, IConfiguration configuration)
{
    static readonly PathString[] s_operators = ["/admin", "/v1/admin", "/v1/sandbox"];

    public async Task InvokeAsync(HttpContext context)
    {
        if (configuration[OperatorKeys.Setting] is { } key && s_operators.Any(path => context.Request.Path.StartsWithSegments(path)))
        {
            OperatorKeys.Check(key);
            await using var transaction = await database.BeginJobAsync(context.RequestAborted);
            await transaction.LockOperatorKeysAsync(context.RequestAborted);
            await transaction.ReplaceOperatorKeyAsync(clock, key, context.RequestAborted);
            await transaction.CommitAsync(context.RequestAborted);
        }

        await next(context);
    }
}
