using System.Security.Claims;

namespace ControlPlane.Web.Dashboard;

/// <summary>Member pages. Every query runs as the tenant, so a page cannot show the rows of another tenant.</summary>
static class MemberPages
{
    const int InvoicesPerPage = 60;

    public static void MapMemberPages(this IEndpointRouteBuilder routes)
    {
        var app = routes.MapGroup("/app").RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports).ExcludeFromDescription();
        app.MapGet("", Dashboard);
        app.MapGet("/invoices", Invoices);
        app.MapGet("/invoices/{number}", Invoice);
    }

    static async Task<RazorComponentResult> Dashboard(
        ClaimsPrincipal user, ControlDatabase database, Clock clock, ControlPlaneOptions options, RetentionPolicy retention, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.DashboardAsync(options, user.TenantId(), clock.GetUtcNow(), ct) is { } model
            ? new RazorComponentResult<DashboardPage>(new { Model = model, options.PublicUrl, KeptUntil = model.Trial?.DeletesAt(retention[RetentionClasses.Trials]) })
            : new RazorComponentResult<NotVerifiedPage>();
    }

    static async Task<Results<RazorComponentResult<InvoicesPage>, NotFound>> Invoices(ClaimsPrincipal user, string? before, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.InvoicesAsync(user.TenantId(), before, InvoicesPerPage + 1, ct) is { } invoices
            ? new RazorComponentResult<InvoicesPage>(
                new { Invoices = invoices.Take(InvoicesPerPage).ToList(), Older = invoices.Count > InvoicesPerPage ? invoices[^2].Number : null })
            : TypedResults.NotFound();
    }

    static async Task<Results<RazorComponentResult<InvoicePage>, NotFound>> Invoice(
        ClaimsPrincipal user, string number, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.InvoiceAsync(user.TenantId(), number, ct) is { } invoice
            ? new RazorComponentResult<InvoicePage>(new { Invoice = invoice })
            : TypedResults.NotFound();
    }
}
