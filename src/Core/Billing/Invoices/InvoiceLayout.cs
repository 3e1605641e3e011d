using System.Globalization;
using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Payments;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Billing.Invoices;

/// <summary>Maps an invoice to the contents of its PDF.</summary>
public static class InvoiceLayout
{
    /// <param name="toPay">What is collected.</param>
    /// <param name="isCharged">Whether it is taken from a payment method; otherwise it is paid by bank transfer.</param>
    public static InvoiceDocument Of(Invoice invoice, decimal toPay, bool isCharged) => new()
    {
        Title = invoice.Kind == "interim" ? "Interim invoice" : "Invoice",
        Seller = SellerOf(invoice.Seller),
        Buyer = BuyerOf(invoice),
        Number = invoice.Number,
        CreatedAt = invoice.CreatedAt,
        PeriodStart = invoice.PeriodStart,
        PeriodEnd = invoice.PeriodEnd,
        HasPeriod = invoice.Kind != "top_up",
        Facts = [.. Facts(invoice, toPay)],
        Currency = invoice.Currency,
        Lines = [.. invoice.Lines.Select(Line)],
        Subtotal = invoice.NetAmount,
        Taxes = TaxesOf(invoice),
        Total = invoice.TotalAmount,
        Settled = [.. Settled(invoice, toPay)],
        Notes = [.. invoice.Notes, .. Payment(invoice, toPay, isCharged)],
        PaymentCode = isCharged ? null : TransferAccount.Of(invoice.Seller).CodeFor(invoice.Number, toPay),
    };

    /// <summary>The structured address where it is configured, otherwise the lines of the older setting.</summary>
    public static DocumentSeller SellerOf(Seller seller) => new(
        seller.Name,
        seller.Street is null && seller.City is null ? seller.Address : [.. Given(seller.Street, Town(seller.PostalCode, seller.City), Countries.NameOf(seller.Country))],
        seller.VatId, seller.Email)
    {
        Registrations = [.. Given(seller.TaxNumber is null ? null : $"Tax number {seller.TaxNumber}", seller.Register)],
        Contacts = [.. Given(seller.Contact, seller.Phone)],
    };

    // Where the supply is outside the scope of VAT, no VAT id is printed (EN 16931, BR-O-02).
    public static DocumentBuyer BuyerOf(Invoice invoice) => new(
        invoice.Buyer.Organization,
        [.. Given(invoice.Buyer.AddressLine1, invoice.Buyer.AddressLine2, Town(invoice.Buyer.PostalCode, invoice.Buyer.City), invoice.Buyer.State)],
        Countries.NameOf(invoice.Buyer.Country),
        invoice.Taxes.Any(tax => tax.Category == "O") ? null : invoice.Buyer.VatId);

    public static IReadOnlyList<DocumentSum> TaxesOf(Invoice invoice) => invoice.Taxes.Where(tax => tax.Category is "S" or "AE").ToList() is { Count: > 0 } taxes
        ? [.. taxes.Select(tax => new DocumentSum(Label(tax.Category, tax.Rate), tax.Tax))]
        : invoice.TaxLabel is { } label ? [new DocumentSum(label, invoice.Tax)] : [];

    public static string Label(string category, decimal rate) => category == "AE"
        ? "VAT 0 % (reverse charge)"
        : string.Create(CultureInfo.InvariantCulture, $"VAT {rate * 100m:0.##} %");

    static IEnumerable<DocumentFact> Facts(Invoice invoice, decimal toPay)
    {
        if (toPay > 0 && invoice.DueAt is { } due)
        {
            yield return new DocumentFact("Due date", Day(due));
        }

        if (invoice.Buyer.Reference is { } reference)
        {
            yield return new DocumentFact("Your reference", reference);
        }
    }

    static IEnumerable<DocumentSum> Settled(Invoice invoice, decimal toPay)
    {
        if (invoice.BalanceUsed != 0)
        {
            yield return new DocumentSum(invoice.BalanceUsed > 0 ? "From your balance" : "Carried over from earlier invoices", -invoice.BalanceUsed);
        }

        if (toPay != invoice.TotalAmount)
        {
            yield return new DocumentSum("Amount due", toPay);
        }
    }

    static IEnumerable<string> Payment(Invoice invoice, decimal toPay, bool isCharged)
    {
        var amount = $"{invoice.Currency} {InvoiceText.Amount(toPay)}";
        if (toPay == 0)
        {
            yield return invoice.AmountDue > 0 ? $"{invoice.Currency} {InvoiceText.Amount(invoice.AmountDue)} is too small to be charged now." : "There is nothing to pay.";
        }
        else if (isCharged)
        {
            yield return $"{amount} will be charged to your payment method on {Day(invoice.DueAt ?? invoice.CreatedAt)}.";
        }
        else
        {
            var account = string.Join(", ", Given(invoice.Seller.Name, invoice.Seller.Iban is { } iban ? $"IBAN {Grouped(iban)}" : null, invoice.Seller.Bic is { } bic ? $"BIC {bic}" : null, invoice.Seller.Bank));
            var by = invoice.DueAt is { } due ? $" by {Day(due)}" : "";
            yield return invoice.Seller.Iban is null
                ? $"Please pay {amount}{by}. Reference: {invoice.Number}."
                : $"Please transfer {amount}{by} to {account}. Reference: {invoice.Number}.";
        }
    }

    static DocumentLine Line(InvoiceLine line) => line.Kind switch
    {
        LineKind.Base => new DocumentLine(line.Description, line.Quantity, "month", line.UnitPrice, line.Amount),
        // The rate is per 1,000 tokens, so the quantity is shown in thousands, exactly.
        LineKind.Included or LineKind.Overage or LineKind.Late => new DocumentLine(line.Description, line.Quantity / 1000m, "1,000 tokens", line.UnitPrice, line.Amount),
        _ => new DocumentLine(line.Description, null, null, null, line.Amount),
    };

    static string Day(DateTimeOffset at) => InvoiceText.Day(DateOnly.FromDateTime(at.UtcDateTime));

    static string? Town(string? postalCode, string? city) => string.Join(' ', Given(postalCode, city)) is { Length: > 0 } town ? town : null;

    static string Grouped(string iban) => string.Join(' ', iban.Replace(" ", "", StringComparison.Ordinal).Chunk(4).Select(group => new string(group)));

    static IEnumerable<string> Given(params IEnumerable<string?> parts) => parts.Where(part => !string.IsNullOrEmpty(part)).Select(part => part!);
}
