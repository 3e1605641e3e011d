using System.Globalization;
using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>The forms about money on the operator's page of a tenant. Each shows that page again.</summary>
static class OperatorTenantBillingPages
{
    public static void MapTenantBillingPages(this RouteGroupBuilder pages)
    {
        pages.MapPost("/tenants/{id:guid}/adjustments", Adjust).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/tenants/{id:guid}/coupon", Redeem).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/tenants/{id:guid}/collection", Collect).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/tenants/{id:guid}/trial", Extend).AllowRoles(OperatorRole.Billing, OperatorRole.Support);
    }

    static async Task<IResult> Adjust(Guid id, IFormCollection form, ClaimsPrincipal user, AddAdjustment add, TenantPageReader page, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var adjustment = new NewAdjustment(
            FormNumbers.Text(form, "kind"), FormNumbers.Text(form, "description"), FormNumbers.Amount(form, "amount", errors), FormNumbers.Text(form, "adjustment_reason"));
        var result = errors.Count > 0 ? new AddAdjustmentResult.Invalid(errors) : await add.RunAsync(id, adjustment, user.ActorName(), ct);
        return result switch
        {
            AddAdjustmentResult.Added => new SeeOther($"/admin/tenants/{id}?done=adjusted"),
            AddAdjustmentResult.Invalid invalid => await page.RefuseAsync(id, string.Join(' ', invalid.Errors.Values), ct),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> Redeem(Guid id, IFormCollection form, ClaimsPrincipal user, RedeemCoupon redeem, TenantPageReader page, CancellationToken ct) =>
        await redeem.RunAsync(id, form["coupon"], plan: null, user.ActorName(), ct) is RedeemCouponResult.Refused refused
            ? await page.RefuseAsync(id, refused.Reason, ct)
            : new SeeOther($"/admin/tenants/{id}?done=coupon");

    static async Task<IResult> Collect(Guid id, IFormCollection form, ClaimsPrincipal user, SetPaymentTerms set, TenantPageReader page, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var agreed = new PaymentTerms(
            FormNumbers.Text(form, "collection"), FormNumbers.Whole<int>(form, "payment_days", errors), FormNumbers.Amount(form, "exposure_eur", errors));
        return (errors.Count > 0 ? new SetPaymentTermsResult.Invalid(errors) : await set.RunAsync(id, agreed, user.ActorName(), ct)) switch
        {
            SetPaymentTermsResult.Done => new SeeOther($"/admin/tenants/{id}?done=collection"),
            SetPaymentTermsResult.Invalid invalid => await page.RefuseAsync(id, string.Join(' ', invalid.Errors.Values), ct),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> Extend(Guid id, IFormCollection form, ClaimsPrincipal user, ExtendTrial extend, TenantPageReader page, CancellationToken ct)
    {
        DateTimeOffset? ends = DateOnly.TryParseExact(form["ends_on"], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day < DateOnly.MaxValue
            ? new DateTimeOffset(day.AddDays(1), TimeOnly.MinValue, TimeSpan.Zero)
            : null;
        return await extend.RunAsync(id, ends, user.ActorName(), ct) switch
        {
            ExtendTrialResult.Extended => new SeeOther($"/admin/tenants/{id}?done=trial"),
            ExtendTrialResult.Invalid invalid => await page.RefuseAsync(id, string.Join(' ', invalid.Errors.Values), ct),
            ExtendTrialResult.NoTrial => await page.RefuseAsync(id, "The tenant has no trial.", ct),
            _ => TypedResults.NotFound(),
        };
    }
}
