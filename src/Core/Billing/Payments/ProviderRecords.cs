namespace ControlPlane.Billing.Payments;

/// <param name="Id">null: create it.</param>
/// <param name="Language"><c>en</c> or <c>de</c>.</param>
public sealed record ProviderCustomer(Guid Tenant, string? Id, string Email, string Name, ProviderAddress Address, string Language);

/// <param name="Country">Two-letter code of ISO 3166-1.</param>
public sealed record ProviderAddress(string? Line1, string? Line2, string? PostalCode, string? City, string? State, string Country);

/// <summary>Where the provider sends the customer after the page.</summary>
/// <param name="Completed">The provider adds the query parameter <c>session</c>.</param>
public sealed record SetupReturn(Guid Tenant, Uri Completed, Uri Cancelled, string Language);

public enum MethodKind { Card, SepaDebit, Other }

/// <param name="Label">For people: <c>Visa •••• 4242</c>.</param>
/// <param name="ExpiresOn">The last day; null: it does not expire.</param>
public sealed record SavedMethod(string Id, MethodKind Kind, string Label, DateOnly? ExpiresOn);

/// <param name="Attempt">As in <see cref="PaymentConfirmation"/>: a provider repeats even its own failures for one key.</param>
/// <param name="Number">Of the invoice; the customer sees it.</param>
/// <param name="Amount">EUR, at least 0.50.</param>
public sealed record PaymentOrder(Guid Invoice, int Attempt, Guid Tenant, string Number, string Customer, decimal Amount);

/// <param name="Attempt">Counted from 1, per invoice. The same attempt repeated within the provider's memory is answered as before.</param>
/// <param name="Method">Id of a <see cref="SavedMethod"/>.</param>
/// <param name="Interactive">Whether the customer is present, so that the bank may ask for a confirmation.</param>
/// <param name="Back">Where the customer returns from the bank's page.</param>
public sealed record PaymentConfirmation(string PaymentId, Guid Invoice, int Attempt, string Method, bool Interactive, Uri Back);

public enum RefundState { Pending, Succeeded, Failed }

public sealed record ProviderRefund(string Id, RefundState State, decimal Amount);

/// <summary>An authentic notification of a provider.</summary>
/// <param name="ObjectId">null: it is about nothing that has an id.</param>
/// <param name="Payload">As it was received.</param>
public sealed record ProviderEvent(string Id, string Type, string? ObjectId, DateTimeOffset CreatedAt, string Payload);
