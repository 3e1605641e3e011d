using ControlPlane.Database;
using ControlPlane.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace ControlPlane.Http.Hosting;

/// <summary>
/// Takes the operators' key over from the settings, for hosts that have no moment of starting: once for each composition, and before the first
/// request of an operator, so that nobody else waits for it. A key that was replaced in the secret opens nothing any more.
/// </summary>
public sealed class GivenOperatorKey(RequestDelegate next, ControlDatabase database, Clock clock, IConfiguration configuration)
{
    static readonly PathString[] s_operators = ["/admin", "/v1/admin", "/v1/sandbox"];

    bool _taken;

    public async Task InvokeAsync(HttpContext context)
    {
        if (!_taken && configuration[OperatorKeys.Setting] is { } key && s_operators.Any(path => context.Request.Path.StartsWithSegments(path)))
        {
            OperatorKeys.Check(key);
            await using var transaction = await database.BeginJobAsync(context.RequestAborted);
            await transaction.LockOperatorKeysAsync(context.RequestAborted);
            await transaction.ReplaceOperatorKeyAsync(clock, key, context.RequestAborted);
            await transaction.CommitAsync(context.RequestAborted);
            _taken = true;
        }

        await next(context);
    }
}
