using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;

namespace ControlPlane.Web.Shared;

/// <summary>
/// What a caller needs beyond being a tenant's key or an operator, stated beside the route. A route that states nothing is the strictest: a tenant key needs
/// the scope <c>admin</c>, and only admins among the operators may change something. Every operator may read.
/// </summary>
static class RouteRights
{
    sealed record Scope(string Name);

    sealed record ChangeableBy(IReadOnlyList<OperatorRole> Roles);

    /// <summary>Tenant keys with this scope may call the route.</summary>
    public static TBuilder RequireScope<TBuilder>(this TBuilder routes, string scope)
        where TBuilder : IEndpointConventionBuilder => routes.WithMetadata(new Scope(scope));

    /// <summary>Operators with one of these roles may call the route, in addition to admins.</summary>
    public static TBuilder AllowRoles<TBuilder>(this TBuilder routes, params OperatorRole[] roles)
        where TBuilder : IEndpointConventionBuilder => routes.WithMetadata(new ChangeableBy(roles));

    /// <returns>The scope that the key needs for this route.</returns>
    public static string ScopeOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<Scope>()?.Name ?? KeyScopes.Admin;

    /// <summary>Whether the key's scopes include the route's.</summary>
    internal static bool HasScope(AuthorizationHandlerContext authorization) =>
        authorization.Resource is HttpContext context && authorization.User.Scopes().Allow(ScopeOf(context));

    /// <summary>Whether the operator's role may call the route.</summary>
    internal static bool HasRole(AuthorizationHandlerContext authorization) =>
        authorization.Resource is HttpContext context && authorization.User.OperatorRole() is { } role && MayCall(role, context);

    /// <summary>403 that names the missing scope.</summary>
    public static ProblemHttpResult MissingScope(string scope) => TypedResults.Problem(
        $"This key lacks the scope {scope}. Create a key that has it, in the portal or with POST /v1/keys.", statusCode: StatusCodes.Status403Forbidden,
        title: "Missing scope", extensions: new Dictionary<string, object?> { ["missing_scope"] = scope });

    /// <summary>403 that says which roles may do it.</summary>
    public static ProblemHttpResult WrongRole(HttpContext context, ClaimsPrincipal user)
    {
        var allowed = new[] { OperatorRole.Admin }.Concat(RolesOf(context)).Distinct().Select(role => role.Text());
        return TypedResults.Problem(
            $"Your role {user.OperatorRole()!.Value.Text()} does not allow this. It takes one of the roles {string.Join(", ", allowed)}.",
            statusCode: StatusCodes.Status403Forbidden, title: "Role not sufficient");
    }

    static bool MayCall(OperatorRole role, HttpContext context) =>
        role == OperatorRole.Admin || HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) || RolesOf(context).Contains(role);

    static IReadOnlyList<OperatorRole> RolesOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<ChangeableBy>()?.Roles ?? [];
}
