using ControlPlane.Billing.Invoices;

namespace ControlPlane.Billing.Payments;

/// <summary>The seller's account that customers transfer to.</summary>
/// <param name="Iban">null: not configured; the invoice says how to pay.</param>
public sealed record TransferAccount(string Holder, string? Iban, string? Bic)
{
    public static TransferAccount Of(Seller seller) => new(seller.Name, seller.Iban, seller.Bic);

    internal PayResult.Transfer For(string number, decimal amount, DateTimeOffset dueAt) =>
        new(Iban, Bic, Holder, number, amount, dueAt, CodeFor(number, amount));

    /// <returns>Text of the QR code for banking apps; null: no account is configured, or the amount cannot be transferred.</returns>
    public string? CodeFor(string number, decimal amount) => Iban is null ? null : EpcCode.Of(Holder, Iban, Bic, amount, number);
}
