using System.Text.RegularExpressions;

namespace ControlPlane.Billing.Credits;

/// <param name="Percent">Off what is left of the invoice before tax; null: an amount.</param>
/// <param name="AmountEur">Off each invoice, before tax; what an invoice does not use lapses. null: a percentage.</param>
/// <param name="Periods">How many invoices it reduces; null: all.</param>
/// <param name="Plans">null: every plan.</param>
public sealed record Coupon(
    string Code, decimal? Percent, decimal? AmountEur, int? Periods, IReadOnlyList<string>? Plans, DateTimeOffset? RedeemUntil, int? MaxRedemptions, int Redemptions,
    DateTimeOffset CreatedAt, DateTimeOffset? EndedAt);

/// <summary>A coupon as an operator entered it.</summary>
public sealed partial record NewCoupon(
    string? Code, decimal? Percent, decimal? AmountEur, int? Periods, IReadOnlyList<string>? Plans, DateTimeOffset? RedeemUntil, int? MaxRedemptions)
{
    /// <summary>In capital letters, so that it can be typed in any.</summary>
    public static string? NormalizeCode(string? code) => code?.Trim().ToUpperInvariant() is { Length: > 0 } normal ? normal : null;

    /// <param name="knownPlans">Those on sale.</param>
    public FieldErrors Validate(IReadOnlyCollection<string> knownPlans)
    {
        var errors = new FieldErrors();
        errors.Check("code", CodePattern().IsMatch(NormalizeCode(Code) ?? "") ? null : "Use 3 to 40 letters A to Z, digits and hyphens.");
        errors.Check("percent", (Percent, AmountEur) switch
        {
            (null, null) => "Enter a percentage or an amount.",
            (not null, not null) => "Enter a percentage or an amount, not both.",
            ( <= 0 or > 100, _) => "Enter a percentage above 0 and up to 100.",
            ({ } percent, _) when decimal.Round(percent, 2) != percent => "Enter at most 2 decimals.",
            _ => null,
        });
        errors.Check("amount_eur", AmountEur switch
        {
            null => null,
            <= 0 or >= 1_000_000 => "Enter an amount above 0 and below 1000000.",
            var amount when Money.ToCents(amount.Value) != amount => "Enter at most 2 decimals.",
            _ => null,
        });
        errors.Check("periods", Periods is null or (>= 1 and <= 120) ? null : "Enter 1 to 120 periods, or leave it out: for all invoices.");
        errors.Check("max_redemptions", MaxRedemptions is null or (>= 1 and <= 1_000_000) ? null : "Enter 1 to 1000000, or leave it out: any number.");
        errors.Check("plans", Plans?.FirstOrDefault(plan => !knownPlans.Contains(plan)) is { } unknown ? $"There is no plan {unknown}: use {string.Join(", ", knownPlans)}." : null);
        return errors;
    }

    [GeneratedRegex(@"\A[A-Z0-9-]{3,40}\z")]
    private static partial Regex CodePattern();
}
