namespace ControlPlane.Billing.Payments;

/// <summary>A payment at the provider, as it is now.</summary>
/// <param name="Invoice">Whose payment it is.</param>
/// <param name="Amount">EUR.</param>
/// <param name="LastCharge">Id of the newest try to move the money. A new one means that something was tried since. null: nothing was.</param>
public abstract record ProviderPayment(string Id, Guid Invoice, decimal Amount, string? LastCharge)
{
    /// <summary>Nothing is being collected: prepared only.</summary>
    public sealed record Unconfirmed(string Id, Guid Invoice, decimal Amount, string? LastCharge) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    /// <summary>The customer has to confirm on the bank's page.</summary>
    public sealed record RequiresAction(string Id, Guid Invoice, decimal Amount, string? LastCharge, Uri? Page) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    /// <summary>A bank debit is under way, for days.</summary>
    public sealed record Pending(string Id, Guid Invoice, decimal Amount, string? LastCharge) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    /// <param name="At">When the money was taken.</param>
    public sealed record Succeeded(string Id, Guid Invoice, decimal Amount, string? LastCharge, DateTimeOffset At) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    /// <summary>The newest try failed; the payment can be confirmed again.</summary>
    public sealed record Declined(string Id, Guid Invoice, decimal Amount, string? LastCharge, Decline Reason) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    /// <summary>Nothing can be collected with it any more.</summary>
    public sealed record Cancelled(string Id, Guid Invoice, decimal Amount, string? LastCharge) : ProviderPayment(Id, Invoice, Amount, LastCharge);
}

/// <summary>What an event was about, as it is now.</summary>
public abstract record ProviderFact
{
    public sealed record Payment(ProviderPayment Now) : ProviderFact;

    /// <summary>The customer's bank takes the money back, or has given it back again.</summary>
    /// <param name="PaymentId">Of the provider's payment, which may have been replaced by another one since.</param>
    /// <param name="Amount">EUR.</param>
    /// <param name="IsWithdrawn">Whether the money is gone, for now or for good.</param>
    public sealed record Disputed(string PaymentId, Guid Invoice, string Dispute, decimal Amount, bool IsWithdrawn, DateTimeOffset At, string Reason) : ProviderFact;

    public sealed record Refunded(string PaymentId, Guid Invoice, ProviderRefund Refund) : ProviderFact;

    /// <summary>Its default method may be another one, or gone.</summary>
    public sealed record MethodChanged(string Customer) : ProviderFact;

    public sealed record SetupFinished(string Customer, string Session) : ProviderFact;

    /// <summary>Stored, but nothing follows from it.</summary>
    public sealed record Irrelevant : ProviderFact;
}
