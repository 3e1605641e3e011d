using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>Totals an invoice: lines, tax and sum. Pure; the number, id and date are assigned when it is stored.</summary>
public static class InvoiceDraft
{
    public static Invoice Of(Subscription subscription, BillingPeriod period, IReadOnlyList<InvoiceLine> lines, Seller seller, Buyer buyer)
    {
        var tax = Tax.Of(seller, buyer);
        var net = lines.Sum(line => line.Amount);
        var taxAmount = Money.ToCents(net * tax.Rate);
        var overage = lines.Where(line => line.Kind is LineKind.Overage or LineKind.Late).ToList();
        return new Invoice
        {
            Id = Guid.Empty,
            Number = "draft",
            Tenant = subscription.Tenant,
            Period = period.Number,
            PeriodStart = period.Start,
            PeriodEnd = period.End,
            Plan = subscription.Plan,
            Currency = "EUR",
            BaseCharge = lines.Where(line => line.Kind == LineKind.Base).Sum(line => line.Amount),
            TokenUsage = lines.Sum(line => line.Tokens),
            OverageTokens = (long)overage.Sum(line => line.Quantity),
            OverageCharge = overage.Sum(line => line.Amount),
            NetAmount = net,
            TaxLabel = tax.Label,
            TaxRate = tax.Rate,
            Tax = taxAmount,
            TotalAmount = net + taxAmount,
            Seller = seller,
            Buyer = buyer,
            Notes = tax.Note is null ? [] : [tax.Note],
            Status = "open",
            CreatedAt = period.EndsAt,
            Lines = lines,
        };
    }
}
