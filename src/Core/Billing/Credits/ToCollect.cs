namespace ControlPlane.Billing.Credits;

/// <summary>What there is to collect of an invoice when it is written.</summary>
/// <param name="BalanceUsed">Of the tenant's balance, after tax. Negative: a debt of earlier invoices is collected with it.</param>
/// <param name="AmountDue">The total less the balance used.</param>
/// <param name="Carried">Too little to collect: collected with the next invoice.</param>
/// <param name="WrittenOff">Too little to collect, and no invoice follows.</param>
public sealed record ToCollect(decimal BalanceUsed, decimal AmountDue, decimal Carried, decimal WrittenOff)
{
    /// <summary>Payment providers refuse less (Stripe: <c>amount_too_small</c>).</summary>
    const decimal Least = 0.50m;

    public decimal ToPay => AmountDue - Carried - WrittenOff;

    /// <param name="total">EUR with tax; not negative.</param>
    /// <param name="balance">EUR; positive: in the tenant's favour.</param>
    /// <param name="isLast">Whether no invoice follows.</param>
    public static ToCollect Of(decimal total, decimal balance, bool isLast)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(total);
        // An invoice of nothing is settled by itself, whatever is owed.
        var used = total == 0 ? 0 : Math.Min(balance, total);
        var due = total - used;
        var rest = due is > 0 and < Least ? due : 0;
        return new ToCollect(used, due, isLast ? 0 : rest, isLast ? rest : 0);
    }
}
