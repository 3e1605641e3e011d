using System.Security.Claims;

namespace ControlPlane.Web.Environments;

static class EnvironmentEndpoints
{
    public static void MapEnvironment(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/environment").RequireAuthorization(Policies.Tenant).WithTags("Environment");
        group.MapGet("", Read).WithName("getEnvironment").WithSummary("Get the environment with its provisioning steps");
        group.MapPost("restart", Restart).RequireRateLimiting(TenantLimits.Actions).WithName("restartEnvironment").WithSummary("Restart the environment");
        group.MapGet("settings", ReadSettings).WithName("getChatSettings").WithSummary("Get the settings of Open WebUI");
        group.MapPut("settings", SetSettings).RequireRateLimiting(TenantLimits.Changes).WithName("setChatSettings").WithSummary("Set the settings of Open WebUI; the environment takes them over when it is restarted");
    }

    static async Task<Results<Ok<EnvironmentStatus>, ProblemHttpResult>> Read(
        ClaimsPrincipal user, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await EnvironmentStatus.ReadAsync(transaction, options, user.TenantId(), ct) is { } status
            ? TypedResults.Ok(status)
            : EnvironmentResponses.NotFound();
    }

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Restart(
        ClaimsPrincipal user, RestartEnvironment restart, CancellationToken ct) =>
        EnvironmentResponses.Of(await restart.RunAsync(user.TenantId(), user.ActorName(), ct));

    static async Task<Results<Ok<ChatSettings>, ValidationProblem, ProblemHttpResult>> ReadSettings(ClaimsPrincipal user, EditChatSettings settings, CancellationToken ct) =>
        Of(await settings.ReadAsync(user.TenantId(), ct));

    static async Task<Results<Ok<ChatSettings>, ValidationProblem, ProblemHttpResult>> SetSettings(
        ChatSettings body, ClaimsPrincipal user, EditChatSettings settings, CancellationToken ct) =>
        Of(await settings.SetAsync(user.TenantId(), body, user.ActorName(), ct));

    static Results<Ok<ChatSettings>, ValidationProblem, ProblemHttpResult> Of(ChatSettingsResult result) => result switch
    {
        ChatSettingsResult.Found found => TypedResults.Ok(found.Settings),
        ChatSettingsResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
        _ => EnvironmentResponses.NotFound(),
    };
}

/// <param name="State">The environment's state after the request.</param>
sealed record EnvironmentReply(string State);

static class EnvironmentResponses
{
    public static Results<Accepted<EnvironmentReply>, ProblemHttpResult> Of(EnvironmentResult result) => result switch
    {
        EnvironmentResult.Accepted accepted => TypedResults.Accepted((string?)null, new EnvironmentReply(accepted.State.Text())),
        EnvironmentResult.Conflict conflict => TypedResults.Problem(conflict.Reason, statusCode: StatusCodes.Status409Conflict, title: "Not possible now"),
        _ => NotFound(),
    };

    public static ProblemHttpResult NotFound() => TypedResults.Problem(
        "There is no such environment. It is created when the tenant's email address is verified.", statusCode: StatusCodes.Status404NotFound, title: "Not found");
}
