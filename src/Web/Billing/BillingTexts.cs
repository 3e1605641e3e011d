using System.Globalization;

namespace ControlPlane.Web.Billing;

/// <summary>Plans and discounts in words for customers.</summary>
static class BillingTexts
{
    public static string Of(CouponInForce coupon) =>
        $"Coupon {coupon.Code}: {(coupon.Percent is { } percent ? $"{percent.ToString("0.##", CultureInfo.InvariantCulture)} %" : Format.Euro(coupon.AmountEur ?? 0))} off "
        + (coupon.PeriodsLeft switch { null => "every invoice.", 1 => "the next invoice.", var left => $"the next {Format.Count(left.Value)} invoices." });
}
