namespace ControlPlane.Web.Shared;

/// <summary>
/// Applies the operator key from the settings in hosts without a start phase. Runs before operator requests only, so that others are not delayed,
/// and before each of them, because a process that still has the previous key may have restored it. Once all processes have the new key,
/// the previous one is no longer accepted.
/// </summary>
public sealed class OperatorKeySyncMiddleware(RequestDelegate next, ControlDatabase database, Clock clock, IConfiguration configuration)
{
    static readonly PathString[] OperatorPaths = ["/admin", "/v1/admin", "/v1/sandbox"];

    public async Task InvokeAsync(HttpContext context)
    {
        if (configuration[OperatorKeySetting.Name] is { } key && OperatorPaths.Any(path => context.Request.Path.StartsWithSegments(path)))
        {
            OperatorKeySetting.Validate(key);
            await using var transaction = await database.BeginJobAsync(context.RequestAborted);
            // Anyone can send such a request, so as a rule it waits for nothing.
            if (!await transaction.IsOnlyOperatorKeyAsync(key, context.RequestAborted))
            {
                await transaction.LockOperatorKeysAsync(context.RequestAborted);
                await transaction.ReplaceOperatorKeyAsync(clock, key, context.RequestAborted);
                await transaction.CommitAsync(context.RequestAborted);
            }
        }

        await next(context);
    }
}
