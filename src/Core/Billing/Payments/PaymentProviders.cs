namespace ControlPlane.Billing.Payments;

/// <summary>The providers of this installation; none when customers pay by bank transfer only.</summary>
public sealed class PaymentProviders(IEnumerable<IPaymentProvider> registered)
{
    readonly IReadOnlyList<IPaymentProvider> _all = [.. registered];

    /// <summary>The one that new customers and payments use; null: bank transfer.</summary>
    public IPaymentProvider? Current => _all.Count > 0 ? _all[0] : null;

    /// <returns>null: it is not configured.</returns>
    public IPaymentProvider? Find(string? name) => _all.FirstOrDefault(provider => provider.Name == name);
}
