namespace ControlPlane.Billing.Payments;

/// <summary>What was agreed with a tenant about paying; null: as configured.</summary>
/// <param name="Collection">charge or transfer.</param>
/// <param name="ExposureEur">As in <see cref="CollectionSettings"/>.</param>
public sealed record AgreedPayment(string? Collection, int? PaymentDays, decimal? ExposureEur = null);
