using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Tenants;

/// <summary>Tenants on the operators' pages.</summary>
static class AdminTenantPages
{
    const int TenantsOnAPage = 50;

    public static void MapTenantPages(this RouteGroupBuilder admin)
    {
        admin.MapGet("/tenants", List);
        admin.MapGet("/tenants/{id:guid}", Show);
        admin.MapPost("/tenants/{id:guid}/limits", Override);
        admin.MapPost("/tenants/{id:guid}/limits-remove", RemoveOverride);
        admin.MapPost("/tenants/{id:guid}/{action}", Operate);
        // Where a reload or a lost session lands after a form was posted.
        admin.MapGet("/tenants/{id:guid}/{action}", (Guid id) => new SeeOther($"/admin/tenants/{id}"));
    }

    static async Task<RazorComponentResult<TenantsPage>> List(string? q, string? status, Guid? before, TenantOverviews tenants, CancellationToken ct)
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

    static async Task<IResult> Show(
        Guid id, string? done, TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options, Clock clock, CancellationToken ct) =>
        await RenderTenantAsync(
            id, tenants, database, options, clock, ct,
            notice: done switch
            {
                "suspend" => "It is being suspended.",
                "resume" => "It is being resumed.",
                "retry" => "It is tried again from the first step.",
                "delete" => "It is being deleted.",
                "limits" => "The limits hold from the next call on.",
                _ => null,
            });

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Operate(
        Guid id, string action, IFormCollection form, OperateEnvironment operate, TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options,
        Clock clock, CancellationToken ct)
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
            EnvironmentResult.NotPossible refused => await RenderTenantAsync(id, tenants, database, options, clock, ct, problem: refused.Why),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> Override(
        Guid id, [FromForm] string? tokens_per_day, [FromForm] string? tokens_per_month, [FromForm] string? rag_files, [FromForm] string? web_searches_per_month,
        [FromForm] string? images_per_month, [FromForm] string? reason, OverrideLimits overrides, TenantOverviews tenants, ControlDatabase database,
        ControlPlaneOptions options, Clock clock, CancellationToken ct)
    {
        var entered = new OverrideForm(tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, images_per_month, reason);
        return await overrides.SetAsync(id, entered.ToOverride(), ct) switch
        {
            OverrideResult.Done => new SeeOther($"/admin/tenants/{id}?done=limits"),
            OverrideResult.Invalid invalid => await RenderTenantAsync(id, tenants, database, options, clock, ct, entered: entered, errors: invalid.Errors),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> RemoveOverride(Guid id, IFormCollection form, OverrideLimits overrides, CancellationToken ct)
    {
        await overrides.RemoveAsync(id, ct);
        return new SeeOther($"/admin/tenants/{id}?done=limits");
    }

    static async Task<IResult> RenderTenantAsync(
        Guid id, TenantOverviews tenants, ControlDatabase database, ControlPlaneOptions options, Clock clock, CancellationToken ct, string? notice = null,
        string? problem = null, OverrideForm? entered = null, FieldErrors? errors = null)
    {
        if (await tenants.FindAsync(id, ct) is not { } tenant)
        {
            return TypedResults.NotFound();
        }

        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<TenantPage>(
            new
            {
                Model = await transaction.DetailAsync(tenant, clock.GetUtcNow(), ct),
                options.PublicUrl,
                Notice = notice,
                Problem = problem,
                Entered = entered,
                Errors = errors ?? [],
            })
        { StatusCode = errors is not null ? StatusCodes.Status400BadRequest : problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
