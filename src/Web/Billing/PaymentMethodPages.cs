using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>Saving a card or bank account: at the payment provider, which sends the member back.</summary>
static class PaymentMethodPages
{
    const string Path = "/app/billing";

    public static void MapPaymentMethodPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup(Path).RequireAuthorization(Policies.Billing).ExcludeFromDescription();
        pages.MapPost("/setup", Begin).RequireRateLimiting(TenantLimits.Actions);
        pages.MapPost("/manage", Manage).RequireRateLimiting(TenantLimits.Actions);
        pages.MapGet("/return", Finish).RequireRateLimiting(TenantLimits.Actions);
        // Reached by a reload or a sign-in after the form was posted.
        pages.MapGet("/setup", () => new SeeOther(Path));
        pages.MapGet("/manage", () => new SeeOther(Path));
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Begin(
        IFormCollection form, ClaimsPrincipal user, PaymentMethods methods, ControlPlaneOptions options, BillingPageReader page, CancellationToken ct) =>
        await methods.BeginSetupAsync(user.TenantId(), new Uri(options.PublicUrl, $"{Path}/return"), new Uri(options.PublicUrl, Path), ct) switch
        {
            SetupResult.Page provider => new ContinueAt(provider.Address),
            SetupResult.NotOffered => await page.RenderAsync(user.TenantId(), ct, problem: "Invoices are paid by bank transfer here. Each invoice says how."),
            _ => await page.RenderAsync(user.TenantId(), ct, problem: Unavailable),
        };

    static async Task<IResult> Manage(
        IFormCollection form, ClaimsPrincipal user, PaymentMethods methods, ControlPlaneOptions options, BillingPageReader page, CancellationToken ct) =>
        await methods.ManageAsync(user.TenantId(), new Uri(options.PublicUrl, Path), ct) switch
        {
            SetupResult.Page provider => new ContinueAt(provider.Address),
            SetupResult.NotOffered => new SeeOther(Path),
            _ => await page.RenderAsync(user.TenantId(), ct, problem: Unavailable),
        };

    /// <param name="session">Of the provider's page.</param>
    static async Task<IResult> Finish(string? session, ClaimsPrincipal user, PaymentMethods methods, BillingPageReader page, CancellationToken ct) =>
        await methods.FinishSetupAsync(user.TenantId(), session ?? "", user.ActorName(), ct) switch
        {
            FinishSetupResult.Saved => new SeeOther($"{Path}?done=method"),
            FinishSetupResult.NotCompleted => await page.RenderAsync(user.TenantId(), ct, problem: "No payment method was saved. Start again if you want to add one."),
            _ => await page.RenderAsync(user.TenantId(), ct, problem: Unavailable),
        };

    const string Unavailable = "The payment provider does not answer. Nothing was changed. Please try again in a few minutes.";
}
