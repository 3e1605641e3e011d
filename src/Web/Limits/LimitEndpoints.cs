using System.Security.Claims;

namespace ControlPlane.Web.Limits;

/// <summary>Limits that a tenant sets for its users, and limits that an operator sets for a tenant in place of its plan's.</summary>
static class LimitEndpoints
{
    const string Path = "/v1/user-limits";

    // User ids may contain slashes, which some hosts decode.
    const string User = "/{**user:minlength(1)}";

    public static void MapLimits(this IEndpointRouteBuilder routes)
    {
        var users = routes.MapGroup(Path).RequireAuthorization(Policies.Tenant).WithTags("Limits");
        users.MapGet("", List).WithName("listUserLimits").WithSummary("List the limits set for users");
        users.MapGet(User, Find).WithName("getUserLimits").WithSummary("Get the limits set for a user, or for * (all users without their own limits)");
        users.MapPut(User, Set).RequireRateLimiting(TenantLimits.Changes).WithName("setUserLimits").WithSummary("Set a user's limits and models; * means all users without their own limits");
        users.MapDelete(User, Remove).RequireRateLimiting(TenantLimits.Changes).WithName("removeUserLimits").WithSummary("Remove a user's limits");

        var tenants = routes.MapGroup("/v1/admin/tenants/{id:guid}/limits").RequireAuthorization(Policies.Operator).WithTags("Operator");
        tenants.MapPut("", Override).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("overrideTenantLimits").WithSummary("Override the plan's limits for a tenant; omitted limits keep the plan's value");
        tenants.MapDelete("", RemoveOverride).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("restorePlanLimits").WithSummary("Restore the plan's limits");
    }

    static async Task<Ok<Page<UserLimit>>> List(ClaimsPrincipal user, string? cursor, int? limit, UserLimits limits, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await limits.ListAsync(user.TenantId(), cursor, size + 1, ct), size, last => last.User));
    }

    static async Task<Results<Ok<UserLimit>, ProblemHttpResult>> Find(string user, HttpContext http, UserLimits limits, CancellationToken ct) =>
        await limits.FindAsync(http.User.TenantId(), IdOf(user, http), ct) is { } found ? TypedResults.Ok(found) : NoSuchUser();

    static async Task<Results<Ok<UserLimit>, ValidationProblem>> Set(
        string user, UserLimitBody body, HttpContext http, UserLimits limits, CancellationToken ct)
    {
        var limit = new UserLimit(IdOf(user, http), body.TokensPerDay, body.TokensPerMonth, body.Models);
        return await limits.SetAsync(http.User.TenantId(), limit, http.User.ActorName(), ct) is { Count: > 0 } errors
            ? errors.ToValidationProblem()
            : TypedResults.Ok(limit);
    }

    static async Task<Results<NoContent, ProblemHttpResult>> Remove(string user, HttpContext http, UserLimits limits, CancellationToken ct) =>
        await limits.RemoveAsync(http.User.TenantId(), IdOf(user, http), http.User.ActorName(), ct) ? TypedResults.NoContent() : NoSuchUser();

    static async Task<Results<Ok<LimitOverride>, ValidationProblem, ProblemHttpResult>> Override(
        Guid id, LimitOverride body, ClaimsPrincipal user, OverrideLimits overrides, CancellationToken ct) =>
        await overrides.SetAsync(id, body, user.ActorName(), ct) switch
        {
            OverrideResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            OverrideResult.Done => TypedResults.Ok(body),
            _ => TypedResults.Problem("No tenant has this id: GET /v1/admin/tenants lists them.", statusCode: 404, title: "No such tenant"),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> RemoveOverride(Guid id, ClaimsPrincipal user, OverrideLimits overrides, CancellationToken ct) =>
        await overrides.RemoveAsync(id, user.ActorName(), ct) is OverrideResult.Done
            ? TypedResults.NoContent()
            : TypedResults.Problem("This tenant already has the limits of its plan.", statusCode: 404, title: "Nothing to remove");

    static string IdOf(string user, HttpContext http) => ExternalIds.Stored(RequestTarget.After(http, $"{Path}/", user));

    static ProblemHttpResult NoSuchUser() =>
        TypedResults.Problem("No limits are set for this user: GET /v1/user-limits lists them.", statusCode: 404, title: "No limits set");

    /// <param name="TokensPerMonth">In the tenant's billing period.</param>
    /// <param name="Models">A subset of the plan's models; omit it for all of them.</param>
    sealed record UserLimitBody(long? TokensPerDay, long? TokensPerMonth, IReadOnlyList<string>? Models);
}
