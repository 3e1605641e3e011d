using System.Globalization;
using ControlPlane.Billing.Invoices;

namespace ControlPlane.Billing.Credits;

public enum AdjustmentKind
{
    /// <summary>A line of its own, charged or (negative) credited.</summary>
    Manual,
    /// <summary>A present before tax, used up by the next invoices.</summary>
    Goodwill,
    /// <summary>Bought and taxed before, used up by the next invoices.</summary>
    Prepaid,
}

/// <param name="Remaining">EUR, net; what no invoice has used yet.</param>
/// <param name="RateKind">standard or reduced.</param>
public sealed record Adjustment(Guid Id, AdjustmentKind Kind, string Description, decimal Remaining, string RateKind = "standard");

/// <summary>A coupon of the tenant that applies to the next invoice. One of <paramref name="Percent"/> and <paramref name="AmountEur"/> is set.</summary>
/// <param name="Plans">null: every plan.</param>
public sealed record RedeemedCoupon(string Code, decimal? Percent, decimal? AmountEur, IReadOnlyList<string>? Plans = null);

/// <param name="Used">What the invoice takes of each adjustment; with its sign.</param>
/// <param name="Coupons">The codes of those that reduce it.</param>
public sealed record DiscountedLines(IReadOnlyList<InvoiceLine> Lines, IReadOnlyDictionary<Guid, decimal> Used, IReadOnlyList<string> Coupons);

/// <summary>
/// What changes an invoice before tax: manual lines, then coupons in the order in which they were redeemed, then goodwill, then what was prepaid. Each takes at
/// most what is left, divided between the tax rates in proportion; what a coupon cannot take lapses, the rest is kept for later invoices. Pure.
/// </summary>
public static class Discounts
{
    /// <param name="lines">Each with its tax category and rate.</param>
    /// <param name="taxed">Gives a manual line its tax category and rate.</param>
    public static DiscountedLines Apply(
        IEnumerable<InvoiceLine> lines, string plan, IReadOnlyList<Adjustment> adjustments, IEnumerable<RedeemedCoupon> coupons,
        Func<InvoiceLine, Adjustment, InvoiceLine> taxed)
    {
        var (all, used, redeemed) = (lines.ToList(), new Dictionary<Guid, decimal>(), new List<string>());
        foreach (var manual in adjustments.Where(adjustment => adjustment is { Kind: AdjustmentKind.Manual, Remaining: > 0 }))
        {
            all.Add(taxed(Flat(LineKind.Manual, manual.Description, manual.Remaining) with { Adjustment = manual.Id }, manual));
            used[manual.Id] = manual.Remaining;
        }

        Use(AdjustmentKind.Manual, LineKind.Manual, -1);
        foreach (var coupon in coupons.Where(coupon => coupon.Plans is null || coupon.Plans.Contains(plan)))
        {
            var wanted = coupon.AmountEur ?? Money.ToCents(Groups(all).Sum(group => group.Net) * coupon.Percent!.Value / 100m);
            if (Reduce(all, LineKind.Coupon, CouponText(coupon), wanted, null) > 0)
            {
                redeemed.Add(coupon.Code);
            }
        }

        Use(AdjustmentKind.Goodwill, LineKind.Goodwill, 1);
        Use(AdjustmentKind.Prepaid, LineKind.Prepaid, 1);
        return new DiscountedLines(all, used, redeemed);

        void Use(AdjustmentKind kind, LineKind as_, int sign)
        {
            foreach (var adjustment in adjustments.Where(adjustment => adjustment.Kind == kind && adjustment.Remaining * sign > 0))
            {
                if (Reduce(all, as_, adjustment.Description, adjustment.Remaining * sign, adjustment.Id) is var taken and > 0)
                {
                    used[adjustment.Id] = taken * sign;
                }
            }
        }
    }

    /// <returns>What was taken.</returns>
    static decimal Reduce(List<InvoiceLine> lines, LineKind kind, string description, decimal wanted, Guid? adjustment)
    {
        var groups = Groups(lines);
        var taken = Math.Min(wanted, groups.Sum(group => group.Net));
        if (taken <= 0)
        {
            return 0;
        }

        var shares = Money.Split(taken, [.. groups.Select(group => (long)(group.Net * 100))]);
        lines.AddRange(groups.Zip(shares).Where(share => share.Second > 0).Select(share => Flat(kind, description, -share.Second) with
        {
            TaxCategory = share.First.Category,
            TaxRate = share.First.Rate,
            Adjustment = adjustment,
        }));
        return taken;
    }

    static List<(string? Category, decimal? Rate, decimal Net)> Groups(IEnumerable<InvoiceLine> lines) =>
        [.. lines.GroupBy(line => (line.TaxCategory, line.TaxRate)).Select(group => (group.Key.TaxCategory, group.Key.TaxRate, group.Sum(line => line.Amount))).Where(group => group.Item3 > 0)];

    static string CouponText(RedeemedCoupon coupon) => coupon.Percent is { } percent
        ? string.Create(CultureInfo.InvariantCulture, $"Coupon {coupon.Code}, {percent:0.##} %")
        : $"Coupon {coupon.Code}";

    // The column of prices is narrower than that of amounts.
    static InvoiceLine Flat(LineKind kind, string description, decimal amount) => new(kind, description, 0, 1, Math.Abs(amount) < 1_000_000 ? amount : 0, amount);
}
