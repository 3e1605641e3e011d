using System.Security.Claims;

namespace ControlPlane.Web.Limits;

/// <summary>Limits that a tenant sets for its users, and limits that an operator sets for a tenant in place of its plan's.</summary>
static class LimitEndpoints
{
    public static void MapLimits(this IEndpointRouteBuilder routes)
    {
        var users = routes.MapGroup("/v1/user-limits").RequireAuthorization(Policies.Tenant).WithTags("Limits");
        users.MapGet("", List).WithName("listUserLimits").WithSummary("List the limits set for users");
        users.MapGet("/{user}", Find).WithName("getUserLimits").WithSummary("Get the limits set for a user, or for * (all users without their own limits)");
        users.MapPut("/{user}", Set).WithName("setUserLimits").WithSummary("Set a user's limits and models; * means all users without their own limits");
        users.MapDelete("/{user}", Remove).WithName("removeUserLimits").WithSummary("Remove a user's limits");

        var tenants = routes.MapGroup("/v1/admin/tenants/{id:guid}/limits").RequireAuthorization(Policies.Operator).WithTags("Operator");
        tenants.MapPut("", Override).WithName("overrideTenantLimits").WithSummary("Override the plan's limits for a tenant; omitted limits keep the plan's value");
        tenants.MapDelete("", RemoveOverride).WithName("restorePlanLimits").WithSummary("Restore the plan's limits");
    }

    static async Task<Ok<Page<UserLimit>>> List(ClaimsPrincipal user, string? cursor, int? limit, UserLimits limits, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await limits.ListAsync(user.TenantId(), cursor, size + 1, ct), size, last => last.User));
    }

    static async Task<Results<Ok<UserLimit>, ProblemHttpResult>> Find(string user, ClaimsPrincipal caller, UserLimits limits, CancellationToken ct) =>
        await limits.FindAsync(caller.TenantId(), Unescape(user), ct) is { } found ? TypedResults.Ok(found) : NoSuchUser();

    static async Task<Results<Ok<UserLimit>, ValidationProblem>> Set(
        string user, UserLimitBody body, ClaimsPrincipal caller, UserLimits limits, CancellationToken ct)
    {
        var limit = new UserLimit(Unescape(user), body.TokensPerDay, body.TokensPerMonth, body.Models);
        return await limits.SetAsync(caller.TenantId(), limit, caller.ActorName(), ct) is { Count: > 0 } errors
            ? errors.ToValidationProblem()
            : TypedResults.Ok(limit);
    }

    static async Task<Results<NoContent, ProblemHttpResult>> Remove(string user, ClaimsPrincipal caller, UserLimits limits, CancellationToken ct) =>
        await limits.RemoveAsync(caller.TenantId(), Unescape(user), caller.ActorName(), ct) ? TypedResults.NoContent() : NoSuchUser();

    static async Task<Results<Ok<LimitOverride>, ValidationProblem, ProblemHttpResult>> Override(
        Guid id, LimitOverride body, OverrideLimits overrides, CancellationToken ct) =>
        await overrides.SetAsync(id, body, ct) switch
        {
            OverrideResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            OverrideResult.Done => TypedResults.Ok(body),
            _ => TypedResults.Problem("No tenant has this id: GET /v1/admin/tenants lists them.", statusCode: 404, title: "No such tenant"),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> RemoveOverride(Guid id, OverrideLimits overrides, CancellationToken ct) =>
        await overrides.RemoveAsync(id, ct) is OverrideResult.Done
            ? TypedResults.NoContent()
            : TypedResults.Problem("This tenant already has the limits of its plan.", statusCode: 404, title: "Nothing to remove");

    // The slash is the one character that routing leaves escaped within a path segment.
    static string Unescape(string user) => user.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    static ProblemHttpResult NoSuchUser() =>
        TypedResults.Problem("No limits are set for this user: GET /v1/user-limits lists them.", statusCode: 404, title: "No limits set");

    /// <param name="TokensPerMonth">In the tenant's billing period.</param>
    /// <param name="Models">A subset of the plan's models; omit it for all of them.</param>
    sealed record UserLimitBody(long? TokensPerDay, long? TokensPerMonth, IReadOnlyList<string>? Models);
}
