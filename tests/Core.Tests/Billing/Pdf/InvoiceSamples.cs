using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Pdf;

static class InvoiceSamples
{
    public const string ManyScripts = "Łódź Überprüfung Ελληνικά Привет €";

    /// <summary>A new object for each call, so that equal bytes do not come from a shared one.</summary>
    public static InvoiceDocument Usual() => new()
    {
        Seller = new DocumentSeller("CFS LLM Platform GmbH", ["Musterstraße 12", "80686 München", "Germany"], "DE123456789", "billing@cfs.example"),
        Buyer = new DocumentBuyer($"{ManyScripts} Sp. z o.o.", ["ul. Piotrkowska 104a", "90-926 Łódź"], "Poland", "PL5260001246"),
        Number = "2026-000042",
        CreatedAt = new DateTimeOffset(2026, 2, 1, 0, 0, 3, TimeSpan.Zero),
        PeriodStart = new DateOnly(2026, 1, 1),
        PeriodEnd = new DateOnly(2026, 2, 1),
        Currency = "EUR",
        Lines =
        [
            new DocumentLine("Professional plan, base charge", 1, "month", 299m, 299m),
            new DocumentLine("Overage beyond 2,000,000 included tokens", 412_345.678m, "1,000 tokens", 0.0025m, 1030.86m),
            new DocumentLine("Credit for the outage on 14 January 2026", null, null, null, -25m),
        ],
        Subtotal = 1304.86m,
        Taxes = [new DocumentSum("VAT 0 % (reverse charge)", 0m)],
        Total = 1304.86m,
        Notes = ["Reverse charge: the recipient is liable for the VAT.", "The amount will be charged on 1 February 2026."],
    };

    public static InvoiceDocument WithLines(int count) => Usual() with
    {
        Lines = [.. Enumerable.Range(1, count).Select(line => new DocumentLine($"Segment {line}.", line, "tokens", 0.5m, line / 2m))],
    };
}
