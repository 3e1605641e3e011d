using System.Security.Claims;

namespace ControlPlane.Web.Limits;

/// <summary>Limits within the plan's, which a tenant sets for its users; and limits instead of the plan's, which an operator sets for a tenant.</summary>
static class LimitEndpoints
{
    public static void MapLimits(this IEndpointRouteBuilder routes)
    {
        var users = routes.MapGroup("/v1/user-limits").RequireAuthorization(Policies.Tenant).WithTags("Limits");
        users.MapGet("", List).WithSummary("The limits set for users, by user");
        users.MapGet("/{user}", Find).WithSummary("The limits set for one user, or for * (everyone without a row)");
        users.MapPut("/{user}", Set).WithSummary("Set a user's limits and models; * stands for everyone without a row");
        users.MapDelete("/{user}", Remove).WithSummary("Remove a user's limits");

        var tenants = routes.MapGroup("/v1/admin/tenants/{id:guid}/limits").RequireAuthorization(Policies.Operator).WithTags("Operator");
        tenants.MapPut("", Override).WithSummary("Set limits for one tenant instead of its plan's; what is left out is the plan's");
        tenants.MapDelete("", RemoveOverride).WithSummary("Go back to the plan's limits");
    }

    static async Task<Ok<Page<UserLimit>>> List(ClaimsPrincipal user, string? cursor, int? limit, UserLimits limits, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await limits.ListAsync(user.TenantId(), cursor, size + 1, ct), size, last => last.User));
    }

    static async Task<Results<Ok<UserLimit>, ProblemHttpResult>> Find(string user, ClaimsPrincipal caller, UserLimits limits, CancellationToken ct) =>
        await limits.FindAsync(caller.TenantId(), Named(user), ct) is { } found ? TypedResults.Ok(found) : NoSuchUser();

    static async Task<Results<Ok<UserLimit>, ValidationProblem>> Set(
        string user, UserLimitBody body, ClaimsPrincipal caller, UserLimits limits, CancellationToken ct)
    {
        var limit = new UserLimit(Named(user), body.TokensPerDay, body.TokensPerMonth, body.Models);
        return await limits.SetAsync(caller.TenantId(), limit, caller.ActorName(), ct) is { Count: > 0 } errors
            ? errors.ToValidationProblem()
            : TypedResults.Ok(limit);
    }

    static async Task<Results<NoContent, ProblemHttpResult>> Remove(string user, ClaimsPrincipal caller, UserLimits limits, CancellationToken ct) =>
        await limits.RemoveAsync(caller.TenantId(), Named(user), caller.ActorName(), ct) ? TypedResults.NoContent() : NoSuchUser();

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
            : TypedResults.Problem("This tenant has the limits of its plan already.", statusCode: 404, title: "Nothing to remove");

    // The one character that stays escaped in a part of the path, so that it does not become two.
    static string Named(string user) => user.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    static ProblemHttpResult NoSuchUser() =>
        TypedResults.Problem("No limits are set for this user: GET /v1/user-limits lists them.", statusCode: 404, title: "No such limits");

    /// <param name="TokensPerMonth">In the tenant's billing period.</param>
    /// <param name="Models">Of the plan's; left out: all of them.</param>
    sealed record UserLimitBody(long? TokensPerDay, long? TokensPerMonth, IReadOnlyList<string>? Models);
}
