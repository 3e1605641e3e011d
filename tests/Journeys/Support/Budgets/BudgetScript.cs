namespace ControlPlane.Tests.Support.Budgets;

/// <summary>An operation on a tenant's budget.</summary>
abstract record Operation
{
    /// <summary>An authorization request.</summary>
    /// <param name="Tokens">The estimate.</param>
    public sealed record Request(string User, long Tokens, string? Feature, long Quantity) : Operation;

    /// <summary>The n-th allowed call reports its usage, or reports it again.</summary>
    /// <param name="Over">Tokens above the estimate; negative: below.</param>
    public sealed record Settle(int Nth, long Over, int Deliveries) : Operation;

    /// <summary>Usage without a reservation.</summary>
    public sealed record Use(long Tokens, int MinutesAgo) : Operation;

    public sealed record Expire : Operation;
}

/// <summary>Concurrent operations.</summary>
/// <param name="After">Minutes since the previous group.</param>
sealed record Group(int After, IReadOnlyList<Operation> Operations)
{
    public override string ToString() => $"+{After} min: {string.Join(" | ", Operations)}";
}

static class BudgetScripts
{
    static readonly string?[] Features = [null, null, null, "web_search", "rag_file"];

    /// <param name="controlled">No usage beyond the reservations.</param>
    public static List<Group> Random(int seed, bool controlled, int groups)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, groups).Select(_ => new Group(After(), [.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => One())]))];

        // Mostly no time or minutes; sometimes past an expiry, past midnight, or by up to two weeks.
        int After() => random.Next(12) switch { < 6 => 0, < 8 => random.Next(1, 5), < 10 => random.Next(9, 12), 10 => random.Next(100, 1_440), _ => random.Next(1_440, 20_000) };

        Operation One() => random.Next(10) switch
        {
            < 5 => new Operation.Request($"u{random.Next(3)}", random.Next(0, 45), random.GetItems(Features, 1)[0], random.Next(1, 3)),
            < 9 => new Operation.Settle(random.Next(40), controlled ? -random.Next(0, 10) : random.Next(-20, 20), random.Next(1, 4)),
            _ when controlled => new Operation.Expire(),
            _ => random.Next(2) == 0 ? new Operation.Expire() : new Operation.Use(random.Next(0, 30), random.Next(0, 3_000)),
        };
    }
}
