namespace ControlPlane.Billing.Invoices;

/// <summary>The customer as it was when the invoice was written.</summary>
/// <param name="Country">ISO 3166-1 alpha-2.</param>
public sealed record Buyer(string Organization, string Country, string? VatId)
{
    public string? AddressLine1 { get; init; }
    public string? AddressLine2 { get; init; }
    public string? PostalCode { get; init; }
    public string? City { get; init; }
    public string? State { get; init; }
    /// <summary>Where invoices are sent to; null: to the owners and billing members.</summary>
    public string? InvoiceEmail { get; init; }
    /// <summary>The buyer's own, such as an order number or a Leitweg-ID.</summary>
    public string? Reference { get; init; }
    /// <summary>en or de.</summary>
    public string Language { get; init; } = "en";
    /// <summary>When the register confirmed <see cref="VatId"/>, and the number that proves it; null: it has not, or no longer does.</summary>
    public DateTimeOffset? VatIdConfirmedAt { get; init; }
    public string? Consultation { get; init; }
}
