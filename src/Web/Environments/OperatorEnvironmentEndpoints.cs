namespace ControlPlane.Web.Environments;

static class AdminEnvironmentEndpoints
{
    public static void MapAdminEnvironment(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/admin/tenants/{id:guid}").RequireAuthorization(Policies.Operator).WithTags("Operator");
        group.MapPost("suspend", Suspend).WithSummary("Suspends a tenant and stops its environment; data stays");
        group.MapPost("resume", Resume).WithSummary("Lifts a suspension");
        group.MapPost("retry", Retry).WithSummary("Tries again what failed for good");
        group.MapPost("delete", Delete).WithSummary("Deletes the environment with its data; the books stay");
        group.MapDelete("", Delete).WithSummary("Deletes the environment with its data; the books stay");
    }

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Suspend(Guid id, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentAnswers.Of(await operate.SuspendAsync(id, ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Resume(Guid id, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentAnswers.Of(await operate.ResumeAsync(id, ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Retry(Guid id, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentAnswers.Of(await operate.RetryAsync(id, ct));

    static async Task<Results<Accepted<EnvironmentReply>, ProblemHttpResult>> Delete(Guid id, OperateEnvironment operate, CancellationToken ct) =>
        EnvironmentAnswers.Of(await operate.DeleteAsync(id, ct));
}
