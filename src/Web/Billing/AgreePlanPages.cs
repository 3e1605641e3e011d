using System.Globalization;
using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>An operator changes a tenant's plan: enters the terms, sees the amounts, and confirms them.</summary>
static class AgreePlanPages
{
    public static void MapAgreePlanPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/tenants/{id:guid}/plan", Show);
        pages.MapPost("/tenants/{id:guid}/plan", Change).AllowRoles(OperatorRole.Billing);
    }

    static Task<IResult> Show(Guid id, AgreePlanPageReader page, CancellationToken ct) => page.RenderAsync(id, ct);

    static async Task<IResult> Change(Guid id, IFormCollection form, ClaimsPrincipal user, ChangePlan change, AgreePlanPageReader page, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var plan = FormNumbers.Text(form, "plan") ?? "";
        var terms = new AgreedTerms(
            FormNumbers.Amount(form, "price_eur_per_month", errors), FormNumbers.Amount(form, "overage_eur_per_1000", errors, decimals: 6), FormNumbers.Whole<long>(form, "tokens_per_month", errors));
        var agreed = new AgreedPlan(terms, FormNumbers.Amount(form, "minimum_eur", errors));
        foreach (var (field, error) in agreed.Validate())
        {
            errors.Check(field, error);
        }

        if (errors.Count > 0)
        {
            return await page.RenderAsync(id, ct, form, errors: errors);
        }

        // The first post shows the amounts; the second one confirms the instant for which they were computed.
        var isConfirmed = DateTimeOffset.TryParse(form["effective_at"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var shownAt);
        return await (isConfirmed ? change.RunAsync(id, plan, shownAt, user.ActorName(), ct, agreed) : change.PreviewAsync(id, plan, ct, agreed)) switch
        {
            ChangePlanResult.Accepted accepted when isConfirmed => new SeeOther($"/admin/tenants/{id}?done={(accepted.Change.IsNow ? "plan" : "plan-scheduled")}"),
            ChangePlanResult.Accepted accepted => await page.RenderAsync(id, ct, form, accepted.Change, terms),
            ChangePlanResult.Outdated outdated => await page.RenderAsync(
                id, ct, form, outdated.Change, terms, problem: "The amounts have changed since you saw them. Check them and confirm again."),
            ChangePlanResult.NotAllowed refused => await page.RenderAsync(id, ct, form, problem: refused.Why),
            _ => await page.RenderAsync(id, ct, form, errors: new FieldErrors { ["plan"] = "Choose a plan." }),
        };
    }
}

/// <summary>Reads and renders the page on which an operator changes a tenant's plan.</summary>
sealed class AgreePlanPageReader(TenantOverviews tenants, ControlDatabase database, Clock clock)
{
    public async Task<IResult> RenderAsync(
        Guid id, CancellationToken ct, IFormCollection? entered = null, PlanChange? change = null, AgreedTerms? terms = null, string? problem = null, FieldErrors? errors = null)
    {
        if (await tenants.FindAsync(id, ct) is not { } tenant)
        {
            return TypedResults.NotFound();
        }

        await using var transaction = await database.BeginJobAsync(ct);
        var plans = await transaction.PlansAsync(clock.GetUtcNow(), ct);
        return new RazorComponentResult<AgreePlanPage>(new
        {
            Tenant = tenant,
            // A trial is not chosen again.
            Plans = plans.Where(plan => plan.TrialDays is null).ToList(),
            Entered = entered,
            Change = change,
            Terms = terms,
            Problem = problem,
            Errors = errors ?? [],
        })
        { StatusCode = errors is not null ? StatusCodes.Status400BadRequest : problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
