using ControlPlane.Billing.Payments;
using ControlPlane.Billing.Credits;
using ControlPlane.Billing.Taxes;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>All that decides what is on the invoice of a period.</summary>
public sealed record InvoiceFacts
{
    public required Subscription Subscription { get; init; }
    public required BillingPeriod Period { get; init; }
    public required IReadOnlyList<PeriodSegment> Segments { get; init; }
    /// <summary>Tokens used in each segment.</summary>
    public required IReadOnlyList<long> Used { get; init; }
    public IReadOnlyList<LateUsage> Late { get; init; } = [];
    /// <summary>Overage of the period that interim invoices have billed.</summary>
    public IReadOnlyList<InterimOverage> Interim { get; init; } = [];
    public required Seller Seller { get; init; }
    public required Buyer Buyer { get; init; }
    public AgreedPayment Agreed { get; init; } = new(null, null);
    public required TaxRateTable Rates { get; init; }
    public required DateTimeOffset IssuedAt { get; init; }
    public IReadOnlyList<Adjustment> Adjustments { get; init; } = [];
    public IReadOnlyList<RedeemedCoupon> Coupons { get; init; } = [];
    /// <summary>EUR after tax; positive: in the tenant's favour.</summary>
    public decimal Balance { get; init; }
    /// <summary>Whether no invoice follows.</summary>
    public bool IsLast { get; init; }

    /// <summary>Whether there is anything to write an invoice for: a trial has nothing, nor has a period that was paused, unless late usage is billed in it.</summary>
    public bool HasCharges => Segments.Any(segment => segment.Terms is not null)
        || Late.Any(late => late.Segments.Zip(late.Late).Any(segment => segment is { First.Terms: not null, Second: > 0 }));
}

/// <summary>An invoice as it stands: lines, discounts, taxes, sums, and what is to be collected. The number, id and date of payment come when it is stored. Pure.</summary>
/// <param name="Used">What it takes of each adjustment.</param>
/// <param name="Coupons">Those that reduce it.</param>
public sealed record InvoiceDraft(Invoice Invoice, ToCollect ToCollect, IReadOnlyDictionary<Guid, decimal> Used, IReadOnlyList<string> Coupons)
{
    const string TakenOut = "The prices of your plan include VAT, which is shown apart here.";

    public static InvoiceDraft Of(InvoiceFacts facts) =>
        Of(facts, "period", InvoiceCalculation.Lines(facts.Period, facts.Segments, facts.Used, facts.Late, facts.Interim));

    /// <summary>Of the overage so far. Coupons of a percentage reduce each invoice; the final one gets all other discounts, and what they will pay for is left to it.</summary>
    public static InvoiceDraft OfOverage(InvoiceFacts facts)
    {
        var covered = facts.Adjustments.Sum(adjustment => adjustment.Kind == AdjustmentKind.Manual ? Math.Max(0, -adjustment.Remaining) : adjustment.Remaining)
            + facts.Coupons.Where(coupon => coupon.Plans is null || coupon.Plans.Contains(PlanOf(facts))).Sum(coupon => coupon.AmountEur ?? 0);
        return Of(
            facts with { Adjustments = [], Coupons = [.. facts.Coupons.Where(coupon => coupon.Percent is not null)], IsLast = false }, "interim",
            InterimCalculation.Lines(facts.Period, facts.Segments, facts.Used, facts.Interim, covered)) with
        { Coupons = [] };
    }

    /// <summary>Of credit that a customer buys: taxed now, and not when later invoices use it. All of it is to be paid.</summary>
    public static InvoiceDraft OfTopUp(InvoiceFacts facts, decimal amount) => Of(
        facts with { Adjustments = [], Coupons = [], Balance = 0, IsLast = false }, "top_up", [new InvoiceLine(LineKind.TopUp, "Prepaid credit", 0, 1, amount, amount)]);

    static string PlanOf(InvoiceFacts facts) => facts.Segments.LastOrDefault(segment => segment.Plan is not null)?.Plan ?? facts.Subscription.Plan;

    static InvoiceDraft Of(InvoiceFacts facts, string kind, IReadOnlyList<InvoiceLine> lines)
    {
        var (subscription, period) = (facts.Subscription, facts.Period);
        var treatments = new Dictionary<(string? Category, decimal Rate), TaxTreatment>();
        var plan = PlanOf(facts);
        var charges = lines.Select(line => Taxed(line, "standard"));
        // Credit is bought at an amount before tax.
        var isGross = facts.Seller.PricesIncludeTax && kind != "top_up";
        var discounted = Discounts.Apply(isGross ? GrossPrices.ToNet(charges) : charges, plan, facts.Adjustments, facts.Coupons, (line, adjustment) => Taxed(line, adjustment.RateKind));
        var taxes = Breakdown(discounted.Lines, treatments);
        var (net, tax) = (discounted.Lines.Sum(line => line.Amount), taxes.Sum(rate => rate.Tax));
        var overage = discounted.Lines.Where(line => line.Kind is LineKind.Overage or LineKind.Late).ToList();
        var collection = ToCollect.Of(net + tax, facts.Balance, facts.IsLast);
        var invoice = new Invoice
        {
            Id = Guid.Empty,
            Number = "draft",
            Tenant = subscription.Tenant,
            Kind = kind,
            Period = period.Number,
            PeriodStart = period.Start,
            PeriodEnd = period.End,
            Plan = plan,
            Currency = "EUR",
            BaseCharge = discounted.Lines.Where(line => line.Kind == LineKind.Base).Sum(line => line.Amount),
            TokenUsage = discounted.Lines.Sum(line => line.Tokens),
            OverageTokens = (long)overage.Sum(line => line.Quantity),
            OverageCharge = overage.Sum(line => line.Amount),
            NetAmount = net,
            TaxLabel = Label(taxes, treatments),
            TaxRate = taxes is [var first, ..] ? first.Rate : 0,
            Tax = tax,
            TotalAmount = net + tax,
            Seller = facts.Seller,
            Buyer = facts.Buyer,
            Notes = [.. taxes.Select(rate => rate.Note).OfType<string>().Distinct(), .. isGross && tax != 0 ? [TakenOut] : (string[])[]],
            Status = collection.ToPay == 0 ? "paid" : "open",
            CreatedAt = facts.IssuedAt,
            PaidAt = collection.ToPay == 0 ? facts.IssuedAt : null,
            Lines = discounted.Lines,
            BalanceUsed = collection.BalanceUsed,
            Prices = isGross ? "gross" : "net",
            Taxes = taxes,
        };
        return new InvoiceDraft(invoice, collection, discounted.Used, discounted.Coupons);

        // Late usage is taxed as when it was supplied, credit as when it is bought.
        InvoiceLine Taxed(InvoiceLine line, string rateKind)
        {
            var supplied = line.Kind == LineKind.TopUp
                ? DateOnly.FromDateTime(facts.IssuedAt.UtcDateTime)
                : BillingPeriod.Of(subscription.Anchor, line.OfPeriod ?? period.Number).End.AddDays(-1);
            var treatment = TaxTreatment.Of(facts.Seller, facts.Buyer, facts.Rates, supplied, facts.IssuedAt, rateKind);
            treatments.TryAdd((treatment.Category, treatment.Rate), treatment);
            return line with { TaxCategory = treatment.Category, TaxRate = treatment.Category is null ? null : treatment.Rate };
        }
    }

    // Per rate, on the sum of its rounded lines (EN 16931, BR-CO-17).
    static List<InvoiceTax> Breakdown(IEnumerable<InvoiceLine> lines, Dictionary<(string? Category, decimal Rate), TaxTreatment> treatments) =>
    [
        .. from line in lines
           where line.TaxCategory is not null
           group line.Amount by (line.TaxCategory, Rate: line.TaxRate ?? 0) into rate
           let taxable = rate.Sum()
           let treatment = treatments[rate.Key]
           select new InvoiceTax(rate.Key.TaxCategory!, rate.Key.Rate, taxable, Money.ToCents(taxable * rate.Key.Rate), treatment.Code, treatment.Note),
    ];

    static string? Label(List<InvoiceTax> taxes, Dictionary<(string? Category, decimal Rate), TaxTreatment> treatments) =>
        taxes.Select(rate => treatments[(rate.Category, rate.Rate)].Label).OfType<string>().Distinct().ToList() is { Count: > 0 } labels ? string.Join(", ", labels) : null;
}
