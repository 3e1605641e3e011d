namespace ControlPlane.Billing;

/// <summary>Rounding of amounts of money: to cents, half away from zero, once per invoice line.</summary>
public static class Money
{
    public static decimal ToCents(decimal amount) => Math.Round(amount, 2, MidpointRounding.AwayFromZero);

    /// <summary>Price of tokens at a rate per 1,000, in cents.</summary>
    public static decimal OfTokens(long tokens, decimal eurPerThousand) => ToCents(tokens * eurPerThousand / 1000m);
}
