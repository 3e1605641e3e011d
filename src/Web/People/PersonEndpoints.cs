using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.People;

/// <summary>Export and erasure of a person's data, requested from the operator.</summary>
static class PersonEndpoints
{
    const int MaximumUsers = 100;

    public static void MapPeople(this IEndpointRouteBuilder routes)
    {
        var people = routes.MapGroup("/v1/admin/people").RequireAuthorization(Policies.Operator).WithTags("Operator");
        people.MapPost("/export", Export).WithName("exportPerson").WithSummary("Export everything stored about a person")
            .WithDescription("By email address: memberships, mail, usage and audited actions. Usage in environments is found by the user ids given, and under the address itself.");
        people.MapPost("/erase", Erase).WithName("erasePerson").WithSummary("Erase a person")
            .WithDescription("Deletes memberships, sessions and mail, and replaces user ids in usage by pseudonyms. Invoices and the audit log stay. It cannot be undone. "
                + "Usage of the tenants in `under_way` is still to be erased: the job `retention` does it, and so does the same request again.");
    }

    static async Task<Results<Ok<PersonExport>, ValidationProblem>> Export(PersonBody body, ClaimsPrincipal user, ExportPerson exportPerson, CancellationToken ct) =>
        body.Errors() is { Count: > 0 } errors
            ? errors.ToValidationProblem()
            : await exportPerson.RunAsync(body.Email, body.EnvironmentUsers, user.ActorName(), ct) is { } export
                ? TypedResults.Ok(export)
                : new FieldErrors { ["email"] = "Enter the person's email address." }.ToValidationProblem();

    static async Task<Results<Ok<ErasedReply>, ValidationProblem, ProblemHttpResult>> Erase(
        PersonBody body, ClaimsPrincipal user, ErasePerson erasePerson, CancellationToken ct)
    {
        if (body.Errors() is { Count: > 0 } errors)
        {
            return errors.ToValidationProblem();
        }

        return await erasePerson.RunAsync(body.Email, body.EnvironmentUsers, user.ActorName(), ct) switch
        {
            ErasePersonResult.Erased erased => TypedResults.Ok(new ErasedReply(erased.Members.Count, erased.Mails, erased.Users, erased.Events, erased.UnderWay)),
            ErasePersonResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            ErasePersonResult.SoleOwner sole => TypedResults.Problem(
                $"The person is the only owner of {string.Join(", ", sole.Slugs)}: make another member an owner first, or delete the tenant.", statusCode: 409, title: "The only owner"),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
    }

    /// <param name="Users">The person's ids in environments: the tenant's administrator finds them in Open WebUI.</param>
    sealed record PersonBody([property: Required] string? Email, IReadOnlyList<UserBody>? Users)
    {
        public IReadOnlyList<EnvironmentUser> EnvironmentUsers => [.. (Users ?? []).Select(user => new EnvironmentUser(user.TenantId!.Value, ExternalIds.Stored(user.User!)))];

        public FieldErrors Errors()
        {
            var errors = new FieldErrors();
            errors.Check("users", (Users?.Count ?? 0) > MaximumUsers ? $"Send at most {MaximumUsers} users per request." : null);
            errors.Check("users", (Users ?? []).Any(user => user?.TenantId is null || string.IsNullOrEmpty(user.User)) ? "Each needs a tenant_id and a user." : null);
            return errors;
        }
    }

    sealed record UserBody([property: Required] Guid? TenantId, [property: Required] string? User);

    /// <param name="UnderWay">Tenants with usage that is still to be erased.</param>
    sealed record ErasedReply(int Members, int Mails, long Users, long Events, IReadOnlyList<Guid> UnderWay);
}
