using System.Globalization;
using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>What customers owe, what has to be reviewed, and coupons, for operators.</summary>
static class OperatorBillingPages
{
    const int InvoicesPerPage = 50;
    const int ReviewsOnThePage = 50;
    const int CouponsOnThePage = 200;

    public static void MapReceivablesPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/billing", Show);
        pages.MapPost("/billing/reviews/{id:guid}/resolve", Resolve).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/billing/reviews/{id:guid}/accept", Accept).AllowRoles(OperatorRole.Billing);
        pages.MapGet("/coupons", ShowCoupons);
        pages.MapPost("/coupons", CreateCoupon).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/coupons/{code}/end", EndCoupon).AllowRoles(OperatorRole.Billing);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/billing/reviews/{id:guid}/resolve", () => new SeeOther("/admin/billing"));
        pages.MapGet("/billing/reviews/{id:guid}/accept", () => new SeeOther("/admin/billing"));
        pages.MapGet("/coupons/{code}/end", () => new SeeOther("/admin/coupons"));
    }

    static async Task<IResult> Show(int? overdue_days, string? after, string? done, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginJobAsync(ct);
        var invoices = await transaction.OpenInvoicesAsync(overdue_days, after is { Length: > 0 } ? after : null, InvoicesPerPage + 1, now, ct);
        return new RazorComponentResult<ReceivablesPage>(new
        {
            Outstanding = await transaction.OutstandingAsync(now, ct),
            ToReview = await transaction.OpenReviewsAsync(cursor: null, ReviewsOnThePage, ct),
            Invoices = invoices.Take(InvoicesPerPage).ToList(),
            More = invoices.Count > InvoicesPerPage ? invoices[InvoicesPerPage - 1].Number : null,
            OverdueDays = overdue_days,
            Notice = done switch
            {
                "resolved" => "Marked as done.",
                "accepted" => "Goodwill added. It reduces the next invoices.",
                "nothing" => "There was nothing to accept any more.",
                _ => null,
            },
        });
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Resolve(Guid id, IFormCollection form, ClaimsPrincipal user, ResolveReview resolve, CancellationToken ct) =>
        await resolve.RunAsync(id, user.ActorName(), ct) ? new SeeOther("/admin/billing?done=resolved") : TypedResults.NotFound();

    // As above.
    static async Task<IResult> Accept(Guid id, IFormCollection form, ClaimsPrincipal user, ResolveReview resolve, CancellationToken ct) =>
        await resolve.AcceptAsync(id, user.ActorName(), ct) switch
        {
            AcceptReviewResult.Accepted => new SeeOther("/admin/billing?done=accepted"),
            AcceptReviewResult.NothingToAccept => new SeeOther("/admin/billing?done=nothing"),
            _ => TypedResults.NotFound(),
        };

    static Task<IResult> ShowCoupons(string? done, EditCoupons coupons, ControlDatabase database, Clock clock, CancellationToken ct) => RenderAsync(
        coupons, database, clock, ct, notice: done switch { "created" => "Coupon created.", "ended" => "Coupon ended. Who has redeemed it keeps it.", _ => null });

    static async Task<IResult> CreateCoupon(
        IFormCollection form, ClaimsPrincipal user, EditCoupons coupons, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var entered = Read(form, errors);
        var result = errors.Count > 0 ? new CreateCouponResult.Invalid(errors) : await coupons.CreateAsync(entered, user.ActorName(), ct);
        return result switch
        {
            CreateCouponResult.Created => new SeeOther("/admin/coupons?done=created"),
            CreateCouponResult.Invalid invalid => await RenderAsync(coupons, database, clock, ct, entered: entered, errors: invalid.Errors),
            CreateCouponResult.Taken taken => await RenderAsync(coupons, database, clock, ct, entered: entered, errors: taken.Errors),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
    }

    static async Task<IResult> EndCoupon(string code, IFormCollection form, ClaimsPrincipal user, EditCoupons coupons, CancellationToken ct) =>
        await coupons.EndAsync(code, user.ActorName(), ct) ? new SeeOther("/admin/coupons?done=ended") : TypedResults.NotFound();

    static NewCoupon Read(IFormCollection form, FieldErrors errors)
    {
        DateTimeOffset? until = null;
        if (FormNumbers.Text(form, "redeem_until") is { } text)
        {
            if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day < DateOnly.MaxValue)
            {
                until = new DateTimeOffset(day.AddDays(1), TimeOnly.MinValue, TimeSpan.Zero);
            }
            else
            {
                errors.Check("redeem_until", "Enter a day such as 2026-12-31.");
            }
        }

        return new NewCoupon(
            FormNumbers.Text(form, "code"), FormNumbers.Amount(form, "percent", errors), FormNumbers.Amount(form, "amount_eur", errors),
            FormNumbers.Whole<int>(form, "periods", errors), form["plans"] is { Count: > 0 } plans ? [.. plans.OfType<string>()] : null, until,
            FormNumbers.Whole<int>(form, "max_redemptions", errors));
    }

    static async Task<IResult> RenderAsync(
        EditCoupons coupons, ControlDatabase database, Clock clock, CancellationToken ct, string? notice = null, NewCoupon? entered = null, FieldErrors? errors = null)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<CouponsPage>(new
        {
            Coupons = await coupons.ListAsync(cursor: null, CouponsOnThePage, ct),
            Plans = await transaction.PlansAsync(clock.GetUtcNow(), ct),
            Notice = notice,
            Entered = entered,
            Errors = errors ?? [],
        })
        { StatusCode = errors is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest };
    }
}
