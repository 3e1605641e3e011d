using System.Globalization;
using System.Security.Claims;

namespace ControlPlane.Web.Plans;

/// <summary>A tenant's plan in the portal: shown to all members, changed by owners and billing members.</summary>
static class PlanPages
{
    const string Path = "/app/plan";

    public static void MapPlanPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup(Path).ExcludeFromDescription();
        pages.MapGet("", Show).RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports);
        pages.MapGet("/{plan}", Preview).RequireAuthorization(Policies.Billing).RequireRateLimiting(TenantLimits.Reports);
        var changes = pages.MapGroup("").RequireAuthorization(Policies.Billing).RequireRateLimiting(TenantLimits.Changes);
        changes.MapPost("/{plan}", Change);
        changes.MapPost("/undo", Undo);
        changes.MapPost("/cancellation", Cancel);
        changes.MapPost("/cancellation/undo", UndoCancellation);
        changes.MapPost("/coupon", Redeem);
        changes.MapPost("/spend-limit", Limit);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/{form:regex(^(undo|cancellation|coupon|spend-limit)$)}", () => new SeeOther(Path)).RequireAuthorization(Policies.Member);
        pages.MapGet("/cancellation/undo", () => new SeeOther(Path)).RequireAuthorization(Policies.Member);
    }

    static Task<IResult> Show(ClaimsPrincipal user, string? done, PlanPageReader page, CancellationToken ct) => page.RenderAsync(
        user.TenantId(), ct, notice: done switch
        {
            "changed" => "Your plan has changed. Your environment follows within a few minutes.",
            "scheduled" => "The change is scheduled.",
            "undone" => "The change was undone.",
            "cancelled" => "Your plan is cancelled.",
            "kept" => "Your plan continues.",
            "coupon" => "Coupon redeemed. It reduces your next invoice.",
            "spend-limit" => "Spend limit saved.",
            _ => null,
        });

    static async Task<IResult> Preview(ClaimsPrincipal user, string plan, ChangePlan change, PlanPageReader page, CancellationToken ct) =>
        await change.PreviewAsync(user.TenantId(), plan, ct) switch
        {
            ChangePlanResult.Accepted accepted => await page.ConfirmAsync(user.TenantId(), accepted.Change, ct),
            ChangePlanResult.NotFound => TypedResults.NotFound(),
            var other => await RefuseAsync(user, other, page, ct),
        };

    static async Task<IResult> Change(
        ClaimsPrincipal user, string plan, IFormCollection form, ChangePlan change, PlanPageReader page, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var coupon = FormNumbers.Text(form, "coupon");
        if (coupon is not null && coupon != FormNumbers.Text(form, "shown_coupon")
            && await change.PreviewAsync(tenant, plan, ct, coupon: coupon) is ChangePlanResult.Accepted discounted)
        {
            return await page.ConfirmAsync(tenant, discounted.Change, ct, coupon: coupon, notice: "The amounts with the coupon are below. Please confirm them.");
        }

        DateTimeOffset? shownAt = DateTimeOffset.TryParse(form["effective_at"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;
        return await change.RunAsync(tenant, plan, shownAt, user.ActorName(), ct, coupon: coupon) switch
        {
            ChangePlanResult.CouponRefused refused => await change.PreviewAsync(tenant, plan, ct) is ChangePlanResult.Accepted shown
                ? await page.ConfirmAsync(tenant, shown.Change, ct, coupon: coupon, couponError: refused.Why)
                : new SeeOther(Path),
            ChangePlanResult.Accepted accepted => new SeeOther($"{Path}?done={(accepted.Change.IsNow ? "changed" : "scheduled")}"),
            ChangePlanResult.Undone => new SeeOther($"{Path}?done=undone"),
            ChangePlanResult.Outdated outdated => await page.ConfirmAsync(
                tenant, outdated.Change, ct, problem: "The amounts have changed since you opened this page. Please check them and confirm again.", coupon: coupon),
            ChangePlanResult.NotFound => TypedResults.NotFound(),
            var other => await RefuseAsync(user, other, page, ct),
        };
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Undo(ClaimsPrincipal user, IFormCollection form, ControlDatabase database, ChangePlan change, PlanPageReader page, CancellationToken ct)
    {
        string? present;
        await using (var transaction = await database.BeginAsync(user.TenantId(), ct))
        {
            present = (await transaction.SubscriptionAsync(user.TenantId(), ct))?.Plan;
        }

        return present is null ? TypedResults.NotFound()
            : await change.RunAsync(user.TenantId(), present, shownAt: null, user.ActorName(), ct) is ChangePlanResult.Undone ? new SeeOther($"{Path}?done=undone")
            : await page.RenderAsync(user.TenantId(), ct, problem: "There is nothing to undo any more.");
    }

    static async Task<IResult> Cancel(ClaimsPrincipal user, IFormCollection form, CancelSubscription cancel, PlanPageReader page, CancellationToken ct) =>
        await cancel.RunAsync(user.TenantId(), user.ActorName(), ct) is CancelResult.Nothing
            ? await page.RenderAsync(user.TenantId(), ct, problem: "There is nothing to cancel.")
            : new SeeOther($"{Path}?done=cancelled");

    static async Task<IResult> UndoCancellation(ClaimsPrincipal user, IFormCollection form, CancelSubscription cancel, PlanPageReader page, CancellationToken ct) =>
        await cancel.UndoAsync(user.TenantId(), user.ActorName(), ct) is CancelResult.Undone
            ? new SeeOther($"{Path}?done=kept")
            : await page.RenderAsync(user.TenantId(), ct, problem: "The plan has ended already. Choose a plan to continue.");

    static async Task<IResult> Redeem(ClaimsPrincipal user, IFormCollection form, RedeemCoupon redeem, PlanPageReader page, CancellationToken ct)
    {
        var code = FormNumbers.Text(form, "coupon");
        return await redeem.RunAsync(user.TenantId(), code, plan: null, user.ActorName(), ct) is RedeemCouponResult.Refused refused
            ? await page.RenderAsync(user.TenantId(), ct, enteredCoupon: code, errors: new FieldErrors { ["coupon"] = refused.Reason })
            : new SeeOther($"{Path}?done=coupon");
    }

    static async Task<IResult> Limit(ClaimsPrincipal user, IFormCollection form, SetSpendLimit setSpendLimit, PlanPageReader page, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var eur = FormNumbers.Amount(form, "eur", errors);
        var result = errors.Count > 0 ? new SetSpendLimitResult.Invalid(errors) : await setSpendLimit.RunAsync(user.TenantId(), eur, user.ActorName(), ct);
        return result switch
        {
            SetSpendLimitResult.Done => new SeeOther($"{Path}?done=spend-limit"),
            SetSpendLimitResult.Invalid invalid => await page.RenderAsync(user.TenantId(), ct, enteredLimit: FormNumbers.Text(form, "eur"), errors: invalid.Errors),
            _ => TypedResults.NotFound(),
        };
    }

    static Task<IResult> RefuseAsync(ClaimsPrincipal user, ChangePlanResult result, PlanPageReader page, CancellationToken ct) => page.RenderAsync(
        user.TenantId(), ct, problem: result switch
        {
            ChangePlanResult.NotAllowed refused => refused.Why,
            ChangePlanResult.AddressMissing => "Your address is missing. Enter it under Billing first: invoices need it.",
            ChangePlanResult.Undone => "This is your present plan. Undo the scheduled change to keep it.",
            _ => "This change is not possible now.",
        });
}

/// <summary>Reads and renders the plan page, whichever of its forms was posted, and the page that confirms a change.</summary>
sealed class PlanPageReader(ControlDatabase database, Clock clock, DataPlaneOptions installation, Seller seller)
{
    public async Task<IResult> RenderAsync(
        Guid tenant, CancellationToken ct, string? notice = null, string? problem = null, string? enteredCoupon = null, string? enteredLimit = null, FieldErrors? errors = null)
    {
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.MemberBillingAsync(tenant, now, ct) is not { } billing)
        {
            return new RazorComponentResult<NotVerifiedPage>();
        }

        var plans = await transaction.PlansAsync(now, ct);
        return new RazorComponentResult<PlanPage>(new
        {
            Billing = billing,
            // A trial is not chosen again.
            Plans = plans.Where(plan => plan.TrialDays is null || plan.Name == billing.Plan.Name).ToList(),
            Installation = installation,
            Contact = seller.Email,
            Notice = notice,
            Problem = problem,
            EnteredCoupon = enteredCoupon,
            EnteredLimit = enteredLimit,
            Errors = errors ?? [],
        })
        { StatusCode = errors is not null ? StatusCodes.Status400BadRequest : problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }

    public async Task<IResult> ConfirmAsync(
        Guid tenant, PlanChange change, CancellationToken ct, string? notice = null, string? problem = null, string? coupon = null, string? couponError = null)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        var organization = await transaction.OrganizationAsync(tenant, ct);
        return new RazorComponentResult<ConfirmPlanPage>(new
        {
            Change = change,
            Missing = organization?.MissingForInvoice() ?? [],
            Notice = notice,
            Problem = problem,
            Coupon = coupon,
            CouponError = couponError,
        })
        {
            StatusCode = couponError is not null ? StatusCodes.Status400BadRequest : problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict,
        };
    }
}
