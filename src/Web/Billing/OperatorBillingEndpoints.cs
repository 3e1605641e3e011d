using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>Receivables, reviews, coupons and adjustments for operators.</summary>
static class OperatorBillingEndpoints
{
    static readonly TimeSpan Recent = TimeSpan.FromDays(30);

    public static void MapOperatorBilling(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/v1/admin").RequireAuthorization(Policies.Operator).WithTags("Operator");
        admin.MapGet("/invoices", ListInvoices).WithName("listOpenInvoices").WithSummary("List the invoices that are not settled, the longest overdue first");
        admin.MapGet("/receivables", GetReceivables).WithName("getReceivables").WithSummary("Get what customers owe, by age, and what was collected within 30 days");
        admin.MapGet("/reviews", ListReviews).WithName("listReviews").WithSummary("List what has to be reviewed, oldest first");
        admin.MapPost("/reviews/{id:guid}/resolve", Resolve).AllowRoles(OperatorRole.Billing).WithName("resolveReview").WithSummary("Mark a review as done");
        admin.MapPost("/reviews/{id:guid}/accept", Accept).AllowRoles(OperatorRole.Billing).WithName("acceptReview")
            .WithSummary("Add the goodwill that a review proposes, and mark it as done");
        admin.MapGet("/coupons", ListCoupons).WithName("listCoupons").WithSummary("List coupons by code");
        admin.MapPost("/coupons", CreateCoupon).AllowRoles(OperatorRole.Billing).WithName("createCoupon").WithSummary("Create a coupon");
        admin.MapDelete("/coupons/{code}", EndCoupon).AllowRoles(OperatorRole.Billing).WithName("endCoupon")
            .WithSummary("End a coupon: it can no longer be redeemed, and who has redeemed it keeps it");
        admin.MapPost("/tenants/{id:guid}/coupons", Redeem).AllowRoles(OperatorRole.Billing).WithName("redeemCouponForTenant").WithSummary("Redeem a coupon for a tenant");
        admin.MapPost("/tenants/{id:guid}/adjustments", Adjust).AllowRoles(OperatorRole.Billing).WithName("addAdjustment")
            .WithSummary("Add goodwill, which reduces the next invoices, or a line of the next invoice");
        admin.MapPost("/tenants/{id:guid}/trial", Extend).AllowRoles(OperatorRole.Billing, OperatorRole.Support).WithName("extendTrial")
            .WithSummary("Set when a trial ends");
        admin.MapPut("/tenants/{id:guid}/collection", Collect).AllowRoles(OperatorRole.Billing).WithName("setCollection")
            .WithSummary("Agree how a tenant pays: from its payment method or by transfer");
    }

    static async Task<Ok<Page<OpenInvoice>>> ListInvoices(int? overdue_days, string? cursor, int? limit, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(
            await transaction.OpenInvoicesAsync(overdue_days, string.IsNullOrEmpty(cursor) ? null : cursor, size + 1, clock.GetUtcNow(), ct), size, last => last.Number));
    }

    static async Task<Ok<ReceivablesReply>> GetReceivables(ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginJobAsync(ct);
        var (outstanding, collected) = (await transaction.OutstandingAsync(now, ct), await transaction.CollectedAsync(now - Recent, now, ct));
        return TypedResults.Ok(new ReceivablesReply(
            outstanding.Total, outstanding.NotDue, [.. Outstanding.Ages.Zip(outstanding.Overdue, (days, amount) => new OverdueReply(days, amount))], outstanding.Pending, collected.Received,
            collected.PaidBack, collected.WrittenOff));
    }

    static async Task<Ok<Page<Review>>> ListReviews(Guid? cursor, int? limit, ControlDatabase database, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.OpenReviewsAsync(cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<NoContent, ProblemHttpResult>> Resolve(Guid id, ClaimsPrincipal user, ResolveReview resolve, CancellationToken ct) =>
        await resolve.RunAsync(id, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("No review has this id: GET /v1/admin/reviews lists them.", statusCode: StatusCodes.Status404NotFound, title: "No such review");

    static async Task<Results<Ok<AcceptedReply>, ProblemHttpResult>> Accept(Guid id, ClaimsPrincipal user, ResolveReview resolve, CancellationToken ct) =>
        await resolve.AcceptAsync(id, user.ActorName(), ct) switch
        {
            AcceptReviewResult.Accepted accepted => TypedResults.Ok(new AcceptedReply(accepted.Amount)),
            AcceptReviewResult.NothingToAccept => TypedResults.Problem(
                "The review proposes nothing, or was resolved before: GET /v1/admin/reviews lists those with proposed_eur.", statusCode: StatusCodes.Status409Conflict, title: "Nothing to accept"),
            _ => TypedResults.Problem("No review has this id: GET /v1/admin/reviews lists them.", statusCode: StatusCodes.Status404NotFound, title: "No such review"),
        };

    static async Task<Ok<Page<Coupon>>> ListCoupons(string? cursor, int? limit, EditCoupons coupons, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await coupons.ListAsync(string.IsNullOrEmpty(cursor) ? null : cursor, size + 1, ct), size, last => last.Code));
    }

    static async Task<Results<Created<Coupon>, ValidationProblem, ProblemHttpResult>> CreateCoupon(
        CouponBody body, ClaimsPrincipal user, EditCoupons coupons, CancellationToken ct) =>
        await coupons.CreateAsync(new NewCoupon(body.Code, body.Percent, body.AmountEur, body.Periods, body.Plans, body.RedeemUntil, body.MaxRedemptions), user.ActorName(), ct) switch
        {
            CreateCouponResult.Created created => TypedResults.Created((string?)null, created.Coupon),
            CreateCouponResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            CreateCouponResult.Taken taken => taken.Errors.ToConflict(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> EndCoupon(string code, ClaimsPrincipal user, EditCoupons coupons, CancellationToken ct) =>
        await coupons.EndAsync(code, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("There is no coupon with this code: GET /v1/admin/coupons lists them.", statusCode: StatusCodes.Status404NotFound, title: "No such coupon");

    static async Task<Results<NoContent, ProblemHttpResult>> Redeem(Guid id, RedeemBody body, ClaimsPrincipal user, RedeemCoupon redeem, CancellationToken ct) =>
        await redeem.RunAsync(id, body.Code, plan: null, user.ActorName(), ct) is RedeemCouponResult.Refused refused
            ? TypedResults.Problem(refused.Reason, statusCode: StatusCodes.Status409Conflict, title: "Not redeemed")
            : TypedResults.NoContent();

    static async Task<Results<Created<AdjustmentReply>, ValidationProblem, ProblemHttpResult>> Adjust(
        Guid id, AdjustmentBody body, ClaimsPrincipal user, AddAdjustment add, CancellationToken ct) =>
        await add.RunAsync(id, new NewAdjustment(body.Kind, body.Description, body.Amount, body.Reason), user.ActorName(), ct) switch
        {
            AddAdjustmentResult.Added added => TypedResults.Created((string?)null, new AdjustmentReply(added.Id)),
            AddAdjustmentResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            _ => NoTenant(),
        };

    static async Task<Results<Ok<TrialReply>, ValidationProblem, ProblemHttpResult>> Extend(
        Guid id, TrialBody body, ClaimsPrincipal user, ExtendTrial extend, CancellationToken ct) => await extend.RunAsync(id, body.EndsAt, user.ActorName(), ct) switch
        {
            ExtendTrialResult.Extended extended => TypedResults.Ok(new TrialReply(extended.EndsAt)),
            ExtendTrialResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            ExtendTrialResult.NoTrial => TypedResults.Problem("The tenant has no trial.", statusCode: StatusCodes.Status409Conflict, title: "Not possible now"),
            _ => NoTenant(),
        };

    static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> Collect(
        Guid id, CollectionBody body, ClaimsPrincipal user, SetPaymentTerms set, CancellationToken ct) =>
        await set.RunAsync(id, new PaymentTerms(body.Kind, body.PaymentDays, body.ExposureEur), user.ActorName(), ct) switch
        {
            SetPaymentTermsResult.Done => TypedResults.NoContent(),
            SetPaymentTermsResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            _ => NoTenant(),
        };

    static ProblemHttpResult NoTenant() =>
        TypedResults.Problem("No tenant has this id: GET /v1/admin/tenants lists them.", statusCode: StatusCodes.Status404NotFound, title: "No such tenant");

    /// <summary>EUR, tax included.</summary>
    /// <param name="Pending">Of the total, what bank debits under way will pay.</param>
    /// <param name="Received">Within 30 days, as the two that follow.</param>
    /// <param name="PaidBack">Refunds and returned payments.</param>
    sealed record ReceivablesReply(
        decimal Total, decimal NotDue, IReadOnlyList<OverdueReply> Overdue, decimal Pending, decimal Received, decimal PaidBack, decimal WrittenOff);

    /// <param name="Days">Since the due date, such as "31–60".</param>
    sealed record OverdueReply(string Days, decimal Amount);

    /// <param name="Percent">Off what is left of an invoice before tax; or <c>amount_eur</c>.</param>
    /// <param name="Periods">How many invoices it reduces; absent: all.</param>
    /// <param name="Plans">Absent: every plan.</param>
    sealed record CouponBody(
        [property: Required] string? Code, decimal? Percent, decimal? AmountEur, int? Periods, IReadOnlyList<string>? Plans, DateTimeOffset? RedeemUntil, int? MaxRedemptions);

    sealed record RedeemBody([property: Required] string? Code);

    /// <param name="Kind">goodwill: used up by the invoices that follow; manual: a line of the next one.</param>
    /// <param name="Description">Printed on the invoice.</param>
    /// <param name="Amount">EUR before tax; negative only for a manual line.</param>
    /// <param name="Reason">For the audit log.</param>
    sealed record AdjustmentBody([property: Required] string? Kind, [property: Required] string? Description, [property: Required] decimal? Amount, [property: Required] string? Reason);

    sealed record AdjustmentReply(Guid Id);

    /// <param name="Kind">charge or transfer.</param>
    /// <param name="PaymentDays">From the issue of an invoice until a transfer has to arrive; absent: as configured.</param>
    /// <param name="ExposureEur">Overage beyond this amount is invoiced before the period ends; absent: as configured.</param>
    sealed record CollectionBody([property: Required] string? Kind, int? PaymentDays, decimal? ExposureEur);

    /// <param name="GoodwillEur">That was added, before tax.</param>
    sealed record AcceptedReply(decimal GoodwillEur);

    sealed record TrialBody([property: Required] DateTimeOffset? EndsAt);

    sealed record TrialReply(DateTimeOffset TrialEndsAt);
}
