using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Tenants;

/// <summary>Operator pages for tenants.</summary>
static class OperatorTenantPages
{
    const int TenantsPerPage = 50;

    public static void MapTenantPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/tenants", List);
        pages.MapGet("/tenants/{id:guid}", Show);
        pages.MapPost("/tenants/{id:guid}/limits", Override).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
        pages.MapPost("/tenants/{id:guid}/limits-remove", RemoveOverride).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
        pages.MapTenantBillingPages();
        pages.MapAgreePlanPages();
        pages.MapPost("/tenants/{id:guid}/approve", Approve).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
        pages.MapPost("/tenants/{id:guid}/{action:regex(^(suspend|resume|cleanup)$)}", Operate).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
        pages.MapPost("/tenants/{id:guid}/{action:regex(^retry$)}", Operate).AllowRoles(OperatorRole.Support);
        pages.MapPost("/tenants/{id:guid}/{action:regex(^delete$)}", Operate);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/tenants/{id:guid}/{action}", (Guid id) => new SeeOther($"/admin/tenants/{id}"));
    }

    static async Task<RazorComponentResult<TenantsPage>> List(string? q, string? status, Guid? before, TenantOverviews tenants, CancellationToken ct)
    {
        var (search, statusFilter) = (q is { Length: > 0 } ? q.Trim() : null, status is { Length: > 0 } ? status : null);
        var found = await tenants.ListAsync(search, statusFilter, before, TenantsPerPage + 1, ct);
        return new RazorComponentResult<TenantsPage>(new
        {
            Tenants = found.Take(TenantsPerPage).ToList(),
            Older = found.Count > TenantsPerPage ? found[TenantsPerPage - 1].TenantId : (Guid?)null,
            Search = search,
            Status = statusFilter,
        });
    }

    static async Task<IResult> Show(
        Guid id, string? done, TenantPageReader page, CancellationToken ct) =>
        await page.RenderAsync(
            id, ct,
            notice: done switch
            {
                "approve" => "Approved.",
                "suspend" => "Suspending…",
                "resume" => "Resuming…",
                "retry" => "Retrying from the first step…",
                "cleanup" => "The environment may run for 24 hours, so that its users can delete what they no longer need.",
                "delete" => "Deleting…",
                "limits" => "Limits saved. They apply from the next call on.",
                "adjusted" => "Added. The next invoice shows it.",
                "coupon" => "Coupon redeemed.",
                "collection" => "Saved. It counts for the invoices that follow.",
                "trial" => "Trial extended.",
                "plan" => "The plan has changed.",
                "plan-scheduled" => "The change of plan is scheduled.",
                _ => null,
            });

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Approve(
        Guid id, IFormCollection form, ClaimsPrincipal user, ApproveTenant approve, TenantPageReader page, CancellationToken ct) => await approve.RunAsync(id, user.ActorName(), ct) switch
        {
            ApproveTenantResult.Approved => new SeeOther($"/admin/tenants/{id}?done=approve"),
            ApproveTenantResult.Conflict conflict => await page.RefuseAsync(id, conflict.Reason, ct),
            _ => TypedResults.NotFound(),
        };

    // As above.
    static async Task<IResult> Operate(
        Guid id, string action, IFormCollection form, ClaimsPrincipal user, OperateEnvironment operate, AllowCleanup allowCleanup, TenantPageReader page, CancellationToken ct)
    {
        var result = action switch
        {
            "suspend" => await operate.SuspendAsync(id, user.ActorName(), ct),
            "resume" => await operate.ResumeAsync(id, user.ActorName(), ct),
            "retry" => await operate.RetryAsync(id, user.ActorName(), ct),
            "cleanup" => await allowCleanup.RunAsync(id, user.ActorName(), ct),
            "delete" => await operate.DeleteAsync(id, withoutBackup: form.ContainsKey("without_backup"), user.ActorName(), ct),
            _ => new EnvironmentResult.NotFound(),
        };
        return result switch
        {
            EnvironmentResult.Accepted => new SeeOther($"/admin/tenants/{id}?done={action}"),
            EnvironmentResult.Conflict conflict => await page.RefuseAsync(id, conflict.Reason, ct),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> Override(
        Guid id, [FromForm] string? tokens_per_day, [FromForm] string? tokens_per_month, [FromForm] string? rag_files, [FromForm] string? web_searches_per_month,
        [FromForm] string? images_per_month, [FromForm] string? storage_gib, [FromForm] string? reason, ClaimsPrincipal user, OverrideLimits overrides, TenantPageReader page, CancellationToken ct)
    {
        var entered = new OverrideForm(tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, images_per_month, storage_gib, reason);
        return await overrides.SetAsync(id, entered.ToOverride(), user.ActorName(), ct) switch
        {
            OverrideResult.Done => new SeeOther($"/admin/tenants/{id}?done=limits"),
            OverrideResult.Invalid invalid => await page.RenderAsync(id, ct, entered: entered, errors: invalid.Errors),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> RemoveOverride(Guid id, IFormCollection form, ClaimsPrincipal user, OverrideLimits overrides, CancellationToken ct)
    {
        await overrides.RemoveAsync(id, user.ActorName(), ct);
        return new SeeOther($"/admin/tenants/{id}?done=limits");
    }
}
