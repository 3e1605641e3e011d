using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Plans;

/// <summary>Changing and cancelling a plan over the API.</summary>
static class PlanEndpoints
{
    public static void MapPlans(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/subscription").RequireAuthorization(Policies.Tenant).RequireRateLimiting(TenantLimits.Changes).WithTags("Subscription");
        group.MapPost("plan", Change).WithName("changePlan").WithSummary("Change the plan, or with preview: true only see what it costs")
            .WithDescription(
                "A higher plan takes effect at once, a lower one at the end of the period; the present plan undoes a scheduled change. Send the effective_at of a preview to be billed exactly what it "
                + "showed: it holds for 10 minutes, after that 409 with a new preview.")
            .ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPost("cancellation", Cancel).WithName("cancelSubscription").WithSummary("Cancel at the end of the billing period; a trial ends at once");
        group.MapDelete("cancellation", Undo).WithName("undoCancellation").WithSummary("Undo the cancellation, until the period has ended");
        var admin = routes.MapGroup("/v1/admin/tenants").RequireAuthorization(Policies.Operator).WithTags("Operator");
        admin.MapPost("/{id:guid}/plan", Agree).AllowRoles(OperatorRole.Billing).WithName("changePlanOfTenant")
            .WithSummary("Change a tenant's plan, with agreed prices where the plan has none").ProducesProblem(StatusCodes.Status409Conflict);
    }

    static async Task<Results<Ok<PlanChangeReply>, ValidationProblem, ProblemHttpResult>> Change(
        PlanBody body, ClaimsPrincipal user, ChangePlan change, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var coupon = string.IsNullOrEmpty(body.Coupon) ? null : body.Coupon;
        return Reply(body.Preview == true
            ? await change.PreviewAsync(tenant, body.Plan ?? "", ct, coupon: coupon)
            : await change.RunAsync(tenant, body.Plan ?? "", body.EffectiveAt, user.ActorName(), ct, coupon: coupon));
    }

    static async Task<Results<Ok<PlanChangeReply>, ValidationProblem, ProblemHttpResult>> Agree(
        Guid id, AgreedPlanBody body, ClaimsPrincipal user, ChangePlan change, CancellationToken ct)
    {
        var agreed = new AgreedPlan(new AgreedTerms(body.PriceEurPerMonth, body.OverageEurPer1000, body.TokensPerMonth), body.MinimumEur);
        return agreed.Validate() is { Count: > 0 } errors
            ? errors.ToValidationProblem()
            : Reply(await change.RunAsync(id, body.Plan ?? "", shownAt: null, user.ActorName(), ct, agreed));
    }

    static async Task<Results<Ok<CancellationReply>, ProblemHttpResult>> Cancel(
        ClaimsPrincipal user, CancelSubscription cancel, Clock clock, CancellationToken ct) =>
        await cancel.RunAsync(user.TenantId(), user.ActorName(), ct) switch
        {
            CancelResult.Scheduled scheduled => TypedResults.Ok(new CancellationReply(scheduled.EndsOn)),
            CancelResult.Ended => TypedResults.Ok(new CancellationReply(DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime))),
            _ => TypedResults.Problem("The subscription has ended, or has not started.", statusCode: StatusCodes.Status409Conflict, title: "Nothing to cancel"),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> Undo(ClaimsPrincipal user, CancelSubscription cancel, CancellationToken ct) =>
        await cancel.UndoAsync(user.TenantId(), user.ActorName(), ct) is CancelResult.Undone
            ? TypedResults.NoContent()
            : TypedResults.Problem("No cancellation is scheduled.", statusCode: StatusCodes.Status404NotFound, title: "Nothing to undo");

    static Results<Ok<PlanChangeReply>, ValidationProblem, ProblemHttpResult> Reply(ChangePlanResult result) => result switch
    {
        ChangePlanResult.Accepted accepted => TypedResults.Ok(PlanChangeReply.Of(accepted.Change)),
        ChangePlanResult.Undone undone => TypedResults.Ok(new PlanChangeReply(undone.Plan, null, "undone", [], null, null, null)),
        ChangePlanResult.Outdated outdated => TypedResults.Problem(
            "The amounts have changed since the preview. Check the new ones and send their effective_at.", statusCode: StatusCodes.Status409Conflict, title: "Preview outdated",
            extensions: new Dictionary<string, object?> { ["preview"] = PlanChangeReply.Of(outdated.Change) }),
        ChangePlanResult.AddressMissing missing => TypedResults.Problem(
            "Invoices need the organization's address: PATCH /v1/organization.", statusCode: StatusCodes.Status409Conflict, title: "Address missing",
            extensions: new Dictionary<string, object?> { ["errors"] = missing.Errors.ToDictionary(error => error.Key, error => new[] { error.Value }) }),
        ChangePlanResult.CouponRefused refused => new FieldErrors { ["coupon"] = refused.Why }.ToValidationProblem(),
        ChangePlanResult.NotAllowed refused => TypedResults.Problem(refused.Why, statusCode: StatusCodes.Status409Conflict, title: "Not possible now"),
        _ => TypedResults.Problem("There is no such plan or subscription.", statusCode: StatusCodes.Status404NotFound, title: "Not found"),
    };

    /// <param name="Preview">true: only the amounts, nothing is changed.</param>
    /// <param name="EffectiveAt">Of the preview that was shown.</param>
    /// <param name="Coupon">Redeemed with the change.</param>
    sealed record PlanBody([property: Required] string? Plan, bool? Preview, DateTimeOffset? EffectiveAt, string? Coupon);

    /// <param name="MinimumEur">What a whole period costs at least.</param>
    sealed record AgreedPlanBody(
        [property: Required] string? Plan, decimal? PriceEurPerMonth,
        [property: System.Text.Json.Serialization.JsonPropertyName("overage_eur_per_1000")] decimal? OverageEurPer1000, long? TokensPerMonth, decimal? MinimumEur);

    /// <param name="EndsOn">Exclusive.</param>
    sealed record CancellationReply(DateOnly EndsOn);
}

/// <param name="TakesEffect">now; next_period; undone: the scheduled change was undone.</param>
/// <param name="Lines">Of this period, as it stands with the change.</param>
/// <param name="AllowanceTokens">Included in this period; absent: unlimited, or the change is at the end of the period.</param>
sealed record PlanChangeReply(
    string Plan, DateTimeOffset? EffectiveAt, string TakesEffect, IReadOnlyList<PlanChangeLine> Lines, PlanChangeAmounts? ThisPeriod, PlanChangeAmounts? NextPeriod,
    long? AllowanceTokens)
{
    public static PlanChangeReply Of(PlanChange change) => new(
        change.To.Name, change.EffectiveAt, change.IsNow ? "now" : "next_period",
        [.. (change.ThisPeriod?.Lines ?? []).Select(line => new PlanChangeLine(line.Description, line.Amount))], PlanChangeAmounts.Of(change.ThisPeriod),
        PlanChangeAmounts.Of(change.NextPeriod), change.AllowanceTokens);
}

sealed record PlanChangeLine(string Description, decimal Amount);

/// <summary>EUR.</summary>
sealed record PlanChangeAmounts(decimal Net, decimal Tax, decimal Total)
{
    public static PlanChangeAmounts? Of(Invoice? invoice) => invoice is null ? null : new(invoice.NetAmount, invoice.Tax, invoice.TotalAmount);
}
