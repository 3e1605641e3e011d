using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Overview;

/// <summary>The operator pages. Like jobs, they see every tenant.</summary>
static class OperatorPages
{
    public static void MapOperatorPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/admin").RequireAuthorization(Policies.OperatorPage).ExcludeFromDescription();
        pages.MapGet("", Overview);
        pages.MapTenantPages();
        pages.MapReceivablesPages();
        pages.MapOperatorInvoicePages();
        pages.MapBankTransactionPages();
        pages.MapEcSalesListPages();
        pages.MapOperatorListPages();
        pages.MapQuarantinePages();
        pages.MapDeliveryPages();
        pages.MapGet("/jobs", ListJobs);
        pages.MapPost("/jobs/{job}/run", RunJob).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
    }

    static async Task<RazorComponentResult<OverviewPage>> Overview(
        ControlDatabase database, ReadEnvironmentCapacity capacity, QuarantineQuota quota, Clock clock, [FromServices] UsageSpool? spool, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<OverviewPage>(new { Model = await transaction.OverviewAsync(capacity, quota, clock.GetUtcNow(), ct), Spool = spool });
    }

    static async Task<RazorComponentResult<JobsPage>> ListJobs(string? job, string? result, JobCatalog jobs, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var notice = (jobs.Find(job ?? "")?.Name, result) switch
        {
            (null, _) => null,
            (var name, "busy") => $"Job {name} is already running. Try again when it has finished.",
            (var name, "failed") => $"Job {name} failed. See its error below.",
            var (name, _) => $"Job {name} completed.",
        };
        return new RazorComponentResult<JobsPage>(new { Jobs = jobs.All, Runs = await transaction.JobStatesAsync(ct), Notice = notice });
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> RunJob(
        string job, IFormCollection form, ClaimsPrincipal user, JobCatalog jobs, JobRunner runner, Clock clock, CancellationToken ct)
    {
        if (jobs.Find(job) is not { } definition)
        {
            return TypedResults.NotFound();
        }

        var result = await runner.RunAsync(definition, clock.GetUtcNow(), ct, user.ActorName()) switch
        {
            JobResult.AlreadyRunning => "busy",
            JobResult.Failed => "failed",
            _ => "done",
        };
        return new SeeOther($"/admin/jobs?job={definition.Name}&result={result}");
    }
}
