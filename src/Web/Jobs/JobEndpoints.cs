using System.Security.Claims;

namespace ControlPlane.Web.Jobs;

static class JobEndpoints
{
    public static void MapJobs(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/admin/jobs/{job}/run", Run).RequireAuthorization(Policies.Operator).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithTags("Operator")
            .WithName("runJob").WithSummary("Run a job now and return its result");

    static async Task<Results<Ok<JobReply>, ProblemHttpResult>> Run(
        string job, ClaimsPrincipal user, JobCatalog jobs, JobRunner runner, Clock clock, CancellationToken ct)
    {
        if (jobs.Find(job) is not { } found)
        {
            return TypedResults.Problem($"Use one of these jobs: {string.Join(", ", jobs.All.Select(known => known.Name).Order())}.", statusCode: 404, title: "No such job");
        }

        return await runner.RunAsync(found, clock.GetUtcNow(), ct, user.ActorName()) switch
        {
            JobResult.Finished { Report: var report } => TypedResults.Ok(new JobReply(job, "succeeded", report.Counts, report.Alerts, Error: null)),
            JobResult.Failed { Reason: var reason, Report: var partial } => TypedResults.Ok(new JobReply(job, "failed", partial?.Counts, partial?.Alerts, reason)),
            _ => TypedResults.Problem("Another run of this job is in progress. Send the same request again in a few seconds.", statusCode: 409, title: "Already running"),
        };
    }

    sealed record JobReply(string Job, string Outcome, IReadOnlyDictionary<string, long>? Counts, IReadOnlyList<string>? Alerts, string? Error);
}
