namespace ControlPlane.Billing;

/// <summary>Rounding of amounts of money: to cents, half away from zero, once per invoice line.</summary>
public static class Money
{
    public static decimal ToCents(decimal amount) => Math.Round(amount, 2, MidpointRounding.AwayFromZero);

    /// <summary>Price of tokens at a rate per 1,000, in cents.</summary>
    public static decimal OfTokens(long tokens, decimal eurPerThousand) => ToCents(tokens * eurPerThousand / 1000m);

    /// <summary>Divides an amount of whole cents in proportion to weights. The shares are whole cents and add up to it.</summary>
    /// <param name="weights">Not negative, and not all of them zero.</param>
    public static IReadOnlyList<decimal> Split(decimal amount, IReadOnlyList<long> weights)
    {
        var total = weights.Sum(weight => (decimal)weight);
        var (shares, reached, given) = (new List<decimal>(weights.Count), 0m, 0m);
        foreach (var weight in weights)
        {
            // What the shares add up to is rounded, not each share: so nothing is left over.
            reached += weight;
            var due = ToCents(amount * (reached / total));
            shares.Add(due - given);
            given = due;
        }

        return shares;
    }
}
