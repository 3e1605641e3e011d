namespace ControlPlane.Billing.Payments;

/// <summary>A payment provider that charges saved methods. Every call may throw <see cref="ProviderUnavailableException"/>.</summary>
public interface IPaymentProvider
{
    /// <summary>As stored: "stripe", "sandbox".</summary>
    string Name { get; }

    /// <summary>Creates the customer, or updates the one that has an id.</summary>
    /// <returns>Its id.</returns>
    Task<string> EnsureCustomerAsync(ProviderCustomer customer, CancellationToken ct);

    /// <returns>A page of the provider on which a method is saved.</returns>
    Task<Uri> BeginSetupAsync(string customer, SetupReturn back, CancellationToken ct);

    /// <summary>Makes the saved method the default.</summary>
    /// <returns>null: not completed.</returns>
    Task<SavedMethod?> FinishSetupAsync(string customer, string session, CancellationToken ct);

    Task<SavedMethod?> DefaultMethodAsync(string customer, CancellationToken ct);

    /// <returns>A page of the provider on which the customer manages the saved methods.</returns>
    Task<Uri> ManageAsync(string customer, Uri back, string language, CancellationToken ct);

    /// <summary>Creates a payment that charges nothing yet, or brings the amount of <paramref name="paymentId"/> up to date.</summary>
    Task<ProviderPayment> PrepareAsync(PaymentOrder order, string? paymentId, CancellationToken ct);

    Task<ProviderPayment> ConfirmAsync(PaymentConfirmation confirmation, CancellationToken ct);

    Task<ProviderPayment> FindAsync(string paymentId, CancellationToken ct);

    /// <summary>Of a finished one: no error.</summary>
    Task CancelAsync(string paymentId, CancellationToken ct);

    Task<ProviderRefund> RefundAsync(string paymentId, decimal amount, Guid key, CancellationToken ct);

    /// <returns>null: malformed, or not signed by the provider.</returns>
    ProviderEvent? ReadEvent(ReadOnlyMemory<byte> body, string? signature, DateTimeOffset now);

    /// <summary>The object that a notice is about, as it is now.</summary>
    Task<ProviderFact> FetchAsync(ProviderEvent notice, CancellationToken ct);

    IAsyncEnumerable<ProviderPayment> ListAsync(DateTimeOffset since, CancellationToken ct);
}

/// <summary>Nothing is known: connection, timeout, 5xx, too many requests.</summary>
public sealed class ProviderUnavailableException(string message, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    public TimeSpan? RetryAfter => retryAfter;
}

/// <param name="Id">null: not created yet.</param>
/// <param name="Language">en or de.</param>
public sealed record ProviderCustomer(
    Guid Tenant, string? Id, string Name, string Email, string? AddressLine1, string? AddressLine2, string? PostalCode, string? City, string? State,
    string Country, string Language);

/// <param name="Success">Contains {session}, which the provider's session id replaces.</param>
public sealed record SetupReturn(Uri Success, Uri Cancel, Guid Tenant, string Language);

/// <param name="Kind">card, sepa_debit or other.</param>
/// <param name="Label">For people: "Visa •••• 4242".</param>
public sealed record SavedMethod(string Id, string Kind, string Label, DateOnly? ExpiresOn);

/// <param name="Amount">EUR.</param>
public sealed record PaymentOrder(Guid Invoice, string Number, Guid Tenant, string Customer, decimal Amount);

/// <param name="Ordinal">Of the attempt: with the payment it makes the idempotency key.</param>
/// <param name="Method">null: the customer's default.</param>
/// <param name="IsInteractive">The customer is there and can be sent to the bank's page, and then to <paramref name="Return"/>.</param>
public sealed record PaymentConfirmation(string PaymentId, Guid Invoice, int Ordinal, string? Method, bool IsInteractive, Uri Return);

/// <summary>What a decline asks for.</summary>
public enum DeclineKind
{
    /// <summary>Tried again by itself.</summary>
    Retry,
    /// <summary>The customer has to do something.</summary>
    Customer,
    /// <summary>The method will never work.</summary>
    Hard,
}

/// <param name="Amount">EUR.</param>
/// <param name="LastCharge">The id of the last attempt's charge; null before the first.</param>
public abstract record ProviderPayment(string Id, Guid Invoice, decimal Amount, string? LastCharge)
{
    public sealed record Unconfirmed(string Id, Guid Invoice, decimal Amount, string? LastCharge) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    public sealed record RequiresAction(string Id, Guid Invoice, decimal Amount, string? LastCharge, Uri? Url) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    public sealed record Pending(string Id, Guid Invoice, decimal Amount, string? LastCharge) : ProviderPayment(Id, Invoice, Amount, LastCharge);

    public sealed record Succeeded(string Id, Guid Invoice, decimal Amount, string? LastCharge, DateTimeOffset At, string Method)
        : ProviderPayment(Id, Invoice, Amount, LastCharge);

    public sealed record Declined(string Id, Guid Invoice, decimal Amount, string? LastCharge, string Code, DeclineKind Kind, string Message)
        : ProviderPayment(Id, Invoice, Amount, LastCharge);

    public sealed record Cancelled(string Id, Guid Invoice, decimal Amount, string? LastCharge) : ProviderPayment(Id, Invoice, Amount, LastCharge);
}

/// <param name="State">pending, succeeded or failed.</param>
public sealed record ProviderRefund(string Id, decimal Amount, string State);

/// <summary>A notice of the provider, as received: what it says of the object is not used.</summary>
public sealed record ProviderEvent(string Id, string Type, DateTimeOffset CreatedAt, string? ObjectId, string? PaymentId, string? Customer);

public abstract record ProviderFact
{
    public sealed record Payment(ProviderPayment Value) : ProviderFact;

    public sealed record Disputed(string PaymentId, string Dispute, decimal Amount, bool IsWithdrawn, bool IsFinal) : ProviderFact;

    public sealed record Refunded(ProviderRefund Refund, string PaymentId) : ProviderFact;

    public sealed record MethodChanged(string Customer) : ProviderFact;

    public sealed record SetupFinished(string Customer, string Session) : ProviderFact;

    public sealed record Irrelevant : ProviderFact;
}
