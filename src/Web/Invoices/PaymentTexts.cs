namespace ControlPlane.Web.Invoices;

/// <summary>Payments in words for customers.</summary>
static class PaymentTexts
{
    /// <param name="settlement">Its kind.</param>
    public static string Of(string settlement) => settlement switch
    {
        "payment" => "Payment",
        "reversal" => "Payment reversed",
        "refund" => "Refund",
        "balance" => "From your balance",
        "carried" => "Carried forward to the next invoice",
        "credit_note" => "Correction",
        "write_off" => "Written off",
        "to_balance" => "Kept as balance",
        _ => Format.Label(settlement),
    };

    /// <summary>What an invoice is for, in lists.</summary>
    public static string PeriodOf(Invoice invoice) => invoice.Kind switch
    {
        "top_up" => "Credit",
        "interim" => $"Usage since {Format.Day(invoice.PeriodStart)}",
        _ => $"{Format.Day(invoice.PeriodStart)} – {Format.Day(invoice.PeriodEnd.AddDays(-1))}",
    };

    /// <summary>Why the last attempt failed; null: there was none, or it did not fail.</summary>
    public static string? Decline(InvoiceStanding standing) => (standing.State, standing.DeclineCode) switch
    {
        ("reversed", _) => "Your payment was reversed by your bank.",
        ("requires_action", _) or (_, "authentication_required") => "Your bank asks you to confirm the payment.",
        (_, null) => null,
        (_, "insufficient_funds") => "Your bank declined the payment, because the account has insufficient funds.",
        (_, "expired_card") => "Your card has expired.",
        (_, "no_method" or "method_removed") => "You have no payment method yet.",
        _ when standing.DeclineKind == "hard" => "Your bank declined the payment. It cannot be tried again with this payment method.",
        _ => "Your bank declined the payment.",
    };
}
