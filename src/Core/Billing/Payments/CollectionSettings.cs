namespace ControlPlane.Billing.Payments;

/// <summary>How invoices are collected from tenants of which nothing else was agreed.</summary>
/// <param name="Provider">Charges them; null: by bank transfer.</param>
/// <param name="PaymentDays">From the day of issue until a transfer has to arrive.</param>
/// <param name="ExposureEur">Overage of a running period, before tax, beyond which it is invoiced and charged at once; null: only when the period has ended.</param>
public sealed record CollectionSettings(string? Provider, int PaymentDays = 14, decimal? ExposureEur = null);
