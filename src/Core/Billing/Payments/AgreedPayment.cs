namespace ControlPlane.Billing.Payments;

/// <summary>What was agreed with a tenant about paying; null: as configured.</summary>
/// <param name="Collection">charge or transfer.</param>
public sealed record AgreedPayment(string? Collection, int? PaymentDays);
