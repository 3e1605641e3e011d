using System.Globalization;
using ControlPlane.Database;
using ControlPlane.Http.Hosting;
using ControlPlane.Http.Portal.OperatorPages;
using ControlPlane.Operations;
using ControlPlane.Provisioning;
using ControlPlane.Usage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.Http.Portal;

/// <summary>The operators' pages. They see every tenant, as jobs do.</summary>
static class AdminPages
{
    const int TenantsOnAPage = 50;

    public static void MapAdminPages(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin").RequireAuthorization(Policies.OperatorPage).ExcludeFromDescription();
        admin.MapGet("", Overview);
        admin.MapGet("/tenants", Tenants);
        admin.MapGet("/tenants/{id:guid}", Tenant);
        admin.MapPost("/tenants/{id:guid}/{action}", Operate);
        admin.MapGet("/tenants/{id:guid}/{action}", (Guid id) => new SeeOther($"/admin/tenants/{id}"));
        admin.MapGet("/quarantine", Quarantine);
        admin.MapPost("/quarantine/{id:guid}/replay", Replay);
        admin.MapPost("/quarantine/replay", ReplayAll);
        admin.MapGet("/jobs", ListJobs);
        admin.MapPost("/jobs/{job}/run", RunJob);
    }

    static async Task<RazorComponentResult<OverviewPage>> Overview(ControlDatabase database, Clock clock, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<OverviewPage>(new { Model = await transaction.OverviewAsync(clock.GetUtcNow(), ct) });
    }

    static async Task<RazorComponentResult<TenantsPage>> Tenants(string? q, string? status, Guid? before, TenantOverviews tenants, CancellationToken ct)
    {
        var (search, wanted) = (q is { Length: > 0 } ? q.Trim() : null, status is { Length: > 0 } ? status : null);
        var found = await tenants.ListAsync(search, wanted, before, TenantsOnAPage + 1, ct);
        return new RazorComponentResult<TenantsPage>(new
        {
            Tenants = found.Take(TenantsOnAPage).ToList(),
            Older = found.Count > TenantsOnAPage ? found[TenantsOnAPage - 1].TenantId : (Guid?)null,
            Search = search,
            Status = wanted,
        });
    }

    static async Task<IResult> Tenant(
        Guid id, string? done, TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        await RenderTenantAsync(
            id, tenants, database, options, ct,
            notice: done switch
            {
                "suspend" => "It is being suspended.",
                "resume" => "It is being resumed.",
                "retry" => "It is tried again from the first step.",
                "delete" => "It is being deleted.",
                _ => null,
            });

    static async Task<IResult> Operate(
        Guid id, string action, IFormCollection form, OperateEnvironment operate, TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options,
        CancellationToken ct)
    {
        var result = action switch
        {
            "suspend" => await operate.SuspendAsync(id, ct),
            "resume" => await operate.ResumeAsync(id, ct),
            "retry" => await operate.RetryAsync(id, ct),
            "delete" => await operate.DeleteAsync(id, ct),
            _ => new EnvironmentResult.NotFound(),
        };
        return result switch
        {
            EnvironmentResult.Accepted => new SeeOther($"/admin/tenants/{id}?done={action}"),
            EnvironmentResult.NotPossible refused => await RenderTenantAsync(id, tenants, database, options, ct, problem: refused.Why),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> RenderTenantAsync(
        Guid id, TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct, string? notice = null, string? problem = null)
    {
        if (await tenants.FindAsync(id, ct) is not { } tenant)
        {
            return TypedResults.NotFound();
        }

        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<TenantPage>(
            new { Model = await transaction.DetailAsync(tenant, ct), options.PublicUrl, Notice = notice, Problem = problem })
        { StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }

    static async Task<RazorComponentResult<QuarantinePage>> Quarantine(
        string? code, int? counted, int? held, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<QuarantinePage>(
            new { Model = await transaction.QuarantineAsync(code, ct), Code = code, Counted = counted, StillHeld = held });
    }

    // Forms without fields are bound too, so that their antiforgery token is checked.
    static Task<SeeOther> Replay(Guid id, IFormCollection form, ReplayQuarantine replay, CancellationToken ct) =>
        ReplayEach([id], null, replay, ct);

    static async Task<SeeOther> ReplayAll([FromForm] string code, ControlDatabase database, ReplayQuarantine replay, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await ReplayEach(await transaction.HeldOfAsync(code, ct), code, replay, ct);
    }

    static async Task<SeeOther> ReplayEach(IReadOnlyList<Guid> events, string? code, ReplayQuarantine replay, CancellationToken ct)
    {
        var (counted, held) = (0, 0);
        foreach (var id in events)
        {
            if (await replay.RunAsync(id, ct) is ReplayResult.Counted)
            {
                counted++;
            }
            else
            {
                held++;
            }
        }

        return new SeeOther(string.Create(
            CultureInfo.InvariantCulture, $"/admin/quarantine?counted={counted}&held={held}{(code is null || held == 0 ? "" : $"&code={Uri.EscapeDataString(code)}")}"));
    }

    static async Task<RazorComponentResult<JobsPage>> ListJobs(string? job, string? result, Jobs jobs, ControlDatabase database, CancellationToken ct)
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

    static async Task<IResult> RunJob(
        string job, IFormCollection form, Jobs jobs, JobRunner runner, Clock clock, CancellationToken ct)
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
