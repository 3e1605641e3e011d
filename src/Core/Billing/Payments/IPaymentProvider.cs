namespace ControlPlane.Billing.Payments;

/// <summary>
/// A service that collects money from customers. One payment per invoice, whose id is stored before it is confirmed: whatever was tried before, and however long
/// ago, a customer is charged at most once, because a payment succeeds at most once.
/// </summary>
/// <remarks>Every call may throw <see cref="ProviderUnavailableException"/>: then nothing is known about its effect.</remarks>
public interface IPaymentProvider
{
    /// <summary>As in the database and in the webhooks' address: <c>stripe</c>, <c>sandbox</c>.</summary>
    string Name { get; }

    /// <summary>Creates the customer, or updates the one that has an id.</summary>
    /// <returns>The customer's id.</returns>
    Task<string> EnsureCustomerAsync(ProviderCustomer customer, CancellationToken ct);

    /// <summary>A page of the provider on which the customer saves a card or a bank account.</summary>
    Task<Uri> BeginSetupAsync(string customer, SetupReturn back, CancellationToken ct);

    /// <summary>Makes the saved method the default one.</summary>
    /// <returns>null: the customer has not completed the page, or it belongs to another customer.</returns>
    Task<SavedMethod?> FinishSetupAsync(string customer, string session, CancellationToken ct);

    /// <returns>null: the customer has no method.</returns>
    Task<SavedMethod?> DefaultMethodAsync(string customer, CancellationToken ct);

    /// <summary>A page of the provider on which the customer replaces the saved method.</summary>
    Task<Uri> ManageAsync(string customer, Uri back, string language, CancellationToken ct);

    /// <summary>Creates the invoice's payment without collecting anything, or changes the amount of the one that exists.</summary>
    /// <param name="paymentId">null: it has none yet.</param>
    Task<ProviderPayment> PrepareAsync(PaymentOrder order, string? paymentId, CancellationToken ct);

    /// <summary>Collects the money.</summary>
    Task<ProviderPayment> ConfirmAsync(PaymentConfirmation confirmation, CancellationToken ct);

    Task<ProviderPayment> FindAsync(string paymentId, CancellationToken ct);

    /// <summary>A payment that is over stays as it is; that is no error.</summary>
    Task CancelAsync(string paymentId, CancellationToken ct);

    /// <param name="key">Of our refund: the same key refunds once.</param>
    Task<ProviderRefund> RefundAsync(string paymentId, decimal amount, Guid key, CancellationToken ct);

    /// <param name="signature">The header with the signature.</param>
    /// <returns>null: the signature is wrong, or the body is not an event of this account and mode.</returns>
    ProviderEvent? ReadEvent(ReadOnlyMemory<byte> body, string? signature, DateTimeOffset now);

    /// <summary>What the event is about, as it is now. Events may be late, repeated and out of order.</summary>
    Task<ProviderFact> FetchAsync(ProviderEvent notice, CancellationToken ct);

    /// <summary>Payments of our invoices that were created since.</summary>
    IAsyncEnumerable<ProviderPayment> ListAsync(DateTimeOffset since, CancellationToken ct);
}

/// <summary>The provider did not answer, or not with an answer to the question: connection, timeout, server error, too many requests, a key that it refuses.</summary>
/// <param name="retryAfter">What the provider asks for; null: it does not say.</param>
public sealed class ProviderUnavailableException(string message, TimeSpan? retryAfter = null, Exception? cause = null) : Exception(message, cause)
{
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>Whether it asks for fewer calls.</summary>
    public bool IsThrottled { get; init; }
}
