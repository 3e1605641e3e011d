using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Overview;

/// <summary>The operators' pages. They see every tenant, as jobs do.</summary>
static class AdminPages
{
    public static void MapAdminPages(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin").RequireAuthorization(Policies.OperatorPage).ExcludeFromDescription();
        admin.MapGet("", Overview);
        admin.MapTenantPages();
        admin.MapQuarantinePages();
        admin.MapGet("/jobs", ListJobs);
        admin.MapPost("/jobs/{job}/run", RunJob);
    }

    static async Task<RazorComponentResult<OverviewPage>> Overview(
        ControlDatabase database, Clock clock, [FromServices] UsageSpool? spool, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<OverviewPage>(new { Model = await transaction.OverviewAsync(clock.GetUtcNow(), ct), Spool = spool });
    }

    static async Task<RazorComponentResult<JobsPage>> ListJobs(string? job, string? result, JobCatalog jobs, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var notice = (jobs.Find(job ?? "")?.Name, result) switch
        {
            (null, _) => null,
            (var name, "busy") => $"{name} is running right now. Try again when it is done.",
            (var name, "failed") => $"{name} was run and failed: its error is below.",
            var (name, _) => $"{name} was run.",
        };
        return new RazorComponentResult<JobsPage>(new { Jobs = jobs.All, Runs = await transaction.JobStatesAsync(ct), Notice = notice });
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> RunJob(
        string job, IFormCollection form, JobCatalog jobs, JobRunner runner, Clock clock, CancellationToken ct)
    {
        if (jobs.Find(job) is not { } definition)
        {
            return TypedResults.NotFound();
        }

        var result = await runner.RunAsync(definition, clock.GetUtcNow(), ct) switch
        {
            JobResult.AlreadyRunning => "busy",
            JobResult.Failed => "failed",
            _ => "done",
        };
        return new SeeOther($"/admin/jobs?job={definition.Name}&result={result}");
    }
}
