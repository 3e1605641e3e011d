using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Operators;

/// <summary>The page for named operators. A new key is shown only in the response to its form.</summary>
static class OperatorListPages
{
    const int ListedOperators = 200;

    public static void MapOperatorListPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/operators", Show);
        pages.MapPost("/operators", Create);
        pages.MapPost("/operators/{id:guid}/revoke", Revoke);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/operators/{id:guid}/revoke", () => new SeeOther("/admin/operators"));
    }

    static async Task<RazorComponentResult<OperatorsPage>> Show(string? done, ListOperators list, CancellationToken ct) =>
        new(new { Operators = await list.RunAsync(before: null, ListedOperators, ct), Revoked = done == "revoked" });

    static async Task<RazorComponentResult<OperatorsPage>> Create(
        [FromForm] string? name, [FromForm] string? role, ClaimsPrincipal user, CreateOperator create, ListOperators list, CancellationToken ct)
    {
        var result = await create.RunAsync(name, OperatorRoles.Parse(role), user.ActorName(), ct);
        var operators = await list.RunAsync(before: null, ListedOperators, ct);
        return result switch
        {
            CreateOperatorResult.Created created => new RazorComponentResult<OperatorsPage>(new { Operators = operators, Created = created.Operator }),
            CreateOperatorResult.Invalid invalid => Rejected(invalid.Errors, StatusCodes.Status400BadRequest),
            CreateOperatorResult.Taken taken => Rejected(taken.Errors, StatusCodes.Status409Conflict),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

        RazorComponentResult<OperatorsPage> Rejected(FieldErrors errors, int status) =>
            new(new { Operators = operators, Name = name, Role = role, Errors = errors }) { StatusCode = status };
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Revoke(Guid id, IFormCollection form, ClaimsPrincipal user, RevokeOperator revoke, CancellationToken ct) =>
        await revoke.RunAsync(id, user.ActorName(), ct) ? new SeeOther("/admin/operators?done=revoked") : TypedResults.NotFound();
}
