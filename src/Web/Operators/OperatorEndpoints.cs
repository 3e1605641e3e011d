using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Operators;

/// <summary>Named operators and their keys, managed by admins.</summary>
static class OperatorEndpoints
{
    public static void MapOperators(this IEndpointRouteBuilder routes)
    {
        var operators = routes.MapGroup("/v1/admin/operators").RequireAuthorization(Policies.Operator).WithTags("Operator");
        operators.MapGet("", List).WithName("listOperators").WithSummary("List the named operators, newest first");
        operators.MapPost("", Create).WithName("createOperator").WithSummary("Create an operator with a role; the key is returned only once")
            .WithDescription("admin may do everything. billing may create tenants, set their limits, suspend and resume them. support may set limits, suspend, resume and retry, "
                + "and replay quarantined usage. Both may run jobs, and every operator may read everything.");
        operators.MapDelete("{id:guid}", Revoke).WithName("revokeOperator").WithSummary("Revoke an operator's key and sessions immediately");
    }

    static async Task<Ok<Page<NamedOperator>>> List(Guid? cursor, int? limit, ListOperators list, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of([.. await list.RunAsync(cursor, size + 1, ct)], size, last => last.Id.ToString()));
    }

    static async Task<Results<Created<CreatedOperator>, ValidationProblem, ProblemHttpResult>> Create(
        OperatorBody body, ClaimsPrincipal user, CreateOperator create, CancellationToken ct) =>
        await create.RunAsync(body.Name, OperatorRoles.Parse(body.Role), user.ActorName(), ct) switch
        {
            CreateOperatorResult.Created created => TypedResults.Created((string?)null, created.Operator),
            CreateOperatorResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            CreateOperatorResult.Taken taken => taken.Errors.ToConflict(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> Revoke(Guid id, ClaimsPrincipal user, RevokeOperator revoke, CancellationToken ct) =>
        await revoke.RunAsync(id, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("No operator has this id: GET /v1/admin/operators lists them.", statusCode: 404, title: "No such operator");

    /// <param name="Name">Appears in the audit log.</param>
    /// <param name="Role">admin, billing or support.</param>
    sealed record OperatorBody([property: Required] string? Name, [property: Required] string? Role);
}
