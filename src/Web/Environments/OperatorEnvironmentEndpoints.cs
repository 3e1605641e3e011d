using System.Security.Claims;

namespace ControlPlane.Web.Environments;

static class OperatorEnvironmentEndpoints
{
    public static void MapOperatorEnvironment(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/admin/capacity", Capacity).RequireAuthorization(Policies.Operator).WithTags("Operator")
            .WithName("getCapacity").WithSummary("Get the number of environments and how many there may be");
        var group = routes.MapGroup("/v1/admin/tenants/{id:guid}").RequireAuthorization(Policies.Operator).WithTags("Operator");
        group.MapPost("suspend", Suspend).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("suspendTenant").WithSummary("Suspend a tenant and stop its environment; data is kept");
        group.MapPost("resume", Resume).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("resumeTenant").WithSummary("Resume a suspended tenant");
        group.MapPost("retry", Retry).AllowRoles(OperatorRole.Support).WithName("retryProvisioning").WithSummary("Retry a failed provisioning run");
        group.MapPost("cleanup", AllowCleanup).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("allowCleanup")
            .WithSummary("Allow 24 hours to clean up an environment that stores more than its plan includes; start it if it was stopped for that");
        group.MapPost("delete", Delete).WithName("deleteEnvironment").WithSummary(DeleteSummary);
        group.MapDelete("", Delete).WithName("deleteTenant").WithSummary(DeleteSummary);
    }

    const string DeleteSummary = "Delete a tenant's environment after a last copy, or with `without_backup=true` without one; accounting records are kept";

    static async Task<Ok<EnvironmentCapacity>> Capacity(ControlDatabase database, ReadEnvironmentCapacity capacity, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(await capacity.RunAsync(transaction, ct));
    }

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Suspend(Guid id, ClaimsPrincipal user, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentResponses.Of(await operate.SuspendAsync(id, user.ActorName(), ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Resume(Guid id, ClaimsPrincipal user, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentResponses.Of(await operate.ResumeAsync(id, user.ActorName(), ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Retry(Guid id, ClaimsPrincipal user, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentResponses.Of(await operate.RetryAsync(id, user.ActorName(), ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> AllowCleanup(Guid id, ClaimsPrincipal user, AllowCleanup allow, CancellationToken ct) =>
        EnvironmentResponses.Of(await allow.RunAsync(id, user.ActorName(), ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Delete(
        Guid id, bool? without_backup, ClaimsPrincipal user, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentResponses.Of(await operate.DeleteAsync(id, without_backup == true, user.ActorName(), ct));
}
