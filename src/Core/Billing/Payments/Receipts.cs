using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Billing.Payments;

/// <summary>Money that arrived for an invoice, or (negative) was paid back.</summary>
/// <param name="Method">For people: Bank transfer, Visa •••• 4242.</param>
/// <param name="Reference">The bank's or the provider's; null: there is none that says anything.</param>
public sealed record ReceivedPayment(DateTimeOffset At, decimal Amount, string Method, string? Reference)
{
    /// <param name="source">Of the settlement.</param>
    /// <param name="label">Of the payment method that was charged; null: it is no longer known.</param>
    public static ReceivedPayment Of(DateTimeOffset at, decimal amount, string kind, string source, string? label)
    {
        var isTransfer = source.StartsWith("bank:", StringComparison.Ordinal) || source.StartsWith("transfer:", StringComparison.Ordinal);
        var way = kind != "payment" ? "Paid back" : isTransfer ? "Bank transfer" : label ?? "Card or bank debit";
        // The account of a statement's entry is the seller's own, and entries without a reference have a digest.
        var reference = source.StartsWith("bank:", StringComparison.Ordinal) ? source.Split(':', 3)[^1] : isTransfer ? source["transfer:".Length..] : source;
        return new ReceivedPayment(at, amount, way, reference.StartsWith("sha256:", StringComparison.Ordinal) || !reference.Any(char.IsAsciiDigit) ? null : reference);
    }
}

/// <summary>An invoice for which money has arrived.</summary>
/// <param name="Amount">EUR, what was paid back taken off.</param>
/// <param name="At">The last time.</param>
public sealed record PaidInvoice(string Number, decimal Amount, DateTimeOffset At);

/// <summary>The receipt of an invoice: what was paid of it, when and how. It has no number of its own and shows no tax, so that nobody takes it for an invoice.</summary>
public static class Receipts
{
    /// <returns>null: the tenant has no such invoice, or nothing was paid for it.</returns>
    public static async Task<byte[]?> ReceiptAsync(this Transaction transaction, Guid tenant, string number, CancellationToken ct)
    {
        if (await transaction.InvoiceAsync(tenant, number, ct) is not { } invoice)
        {
            return null;
        }

        var payments = await transaction.QueryAsync(
            Payments,
            row => ReceivedPayment.Of(row.GetFieldValue<DateTimeOffset>(0), row.GetDecimal(1), row.GetString(2), row.GetString(3), row.Get<string>(4)), ct, invoice.Id);
        return payments.Sum(payment => payment.Amount) > 0 ? InvoicePdf.Render(Document(invoice, payments)) : null;
    }

    /// <returns>The invoices that were paid last, the latest first.</returns>
    public static Task<List<PaidInvoice>> PaidInvoicesAsync(this Transaction transaction, Guid tenant, int limit, CancellationToken ct) => transaction.QueryAsync(
        Paid, row => new PaidInvoice(row.GetString(0), row.GetDecimal(1), row.GetFieldValue<DateTimeOffset>(2)), ct, tenant, limit);

    public static InvoiceDocument Document(Invoice invoice, IReadOnlyList<ReceivedPayment> payments) => new()
    {
        Title = "Zahlungsbeleg (receipt) for invoice",
        Seller = InvoiceLayout.SellerOf(invoice.Seller),
        Buyer = InvoiceLayout.BuyerOf(invoice),
        Number = invoice.Number,
        CreatedAt = payments.Max(payment => payment.At),
        DateLabel = "Paid on",
        PeriodStart = invoice.PeriodStart,
        PeriodEnd = invoice.PeriodEnd,
        Facts =
        [
            new DocumentFact("Invoice date", InvoiceText.Day(DateOnly.FromDateTime(invoice.CreatedAt.UtcDateTime))),
            new DocumentFact("Invoice total", $"{invoice.Currency} {InvoiceText.Amount(invoice.TotalAmount)}"),
        ],
        Currency = invoice.Currency,
        Lines = [.. payments.Select(Line)],
        Total = payments.Sum(payment => payment.Amount),
        TotalLabel = "Received",
        Notes = [$"This is a receipt and no invoice. It confirms what was paid for invoice {invoice.Number}, which shows the tax."],
    };

    static DocumentLine Line(ReceivedPayment payment) => new(
        $"{payment.Method}, {InvoiceText.Day(DateOnly.FromDateTime(payment.At.UtcDateTime))}{(payment.Reference is null ? "" : $", reference {payment.Reference}")}", null, null, null, payment.Amount);

    const string Paid = """
        select i.number, sum(s.amount), max(s.occurred_at) from control.settlement s join control.invoice i on i.id = s.invoice_id
        where s.tenant_id = $1 and s.kind in ('payment', 'reversal', 'refund') group by i.number having sum(s.amount) > 0 order by 3 desc, 1 desc limit $2
        """;

    // The label is of the method that is saved now; the attempt tells whether it is the one that was charged.
    const string Payments = """
        select s.occurred_at, s.amount, s.kind, s.source,
               (select b.method_label from control.payment_attempt a join control.billing_profile b on b.tenant_id = a.tenant_id and b.method_id = a.method_id
                where a.invoice_id = s.invoice_id and a.charge_id = s.source limit 1)
        from control.settlement s where s.invoice_id = $1 and s.kind in ('payment', 'reversal', 'refund') order by s.occurred_at, s.booked_at, s.id
        """;
}
