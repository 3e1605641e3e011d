namespace ControlPlane.Tests.Support.Budgets;

/// <summary>What happens to a tenant's budget, one thing after another or at once.</summary>
abstract record Happening
{
    /// <param name="Tokens">The estimate.</param>
    public sealed record Ask(string User, long Tokens, string? Feature, long Quantity) : Happening;

    /// <summary>The call that was allowed as the n-th reports its usage; again when it has already.</summary>
    /// <param name="Over">Tokens above the estimate, or below.</param>
    public sealed record Settle(int Nth, long Over, int Deliveries) : Happening;

    /// <summary>Usage that nobody asked for.</summary>
    public sealed record Use(long Tokens, int MinutesAgo) : Happening;

    public sealed record Expire : Happening;
}

/// <summary>A group happens at once, at its moment.</summary>
/// <param name="After">Minutes since the group before.</param>
sealed record Group(int After, IReadOnlyList<Happening> Happenings)
{
    public override string ToString() => $"+{After} min: {string.Join(" | ", Happenings)}";
}

static class BudgetScripts
{
    static readonly string?[] Features = [null, null, null, "web_search", "rag_file"];

    /// <param name="controlled">Nothing is used beyond what was allowed.</param>
    public static List<Group> Random(int seed, bool controlled, int groups)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, groups).Select(_ => new Group(After(), [.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => One())]))];

        // Mostly seconds; now and then past an expiry, to a minute before midnight and over it, or weeks on.
        int After() => random.Next(12) switch { < 6 => 0, < 8 => random.Next(1, 5), < 10 => random.Next(9, 12), 10 => random.Next(100, 1_440), _ => random.Next(1_440, 20_000) };

        Happening One() => random.Next(10) switch
        {
            < 5 => new Happening.Ask($"u{random.Next(3)}", random.Next(0, 45), random.GetItems(Features, 1)[0], random.Next(1, 3)),
            < 9 => new Happening.Settle(random.Next(40), controlled ? -random.Next(0, 10) : random.Next(-20, 20), random.Next(1, 4)),
            _ when controlled => new Happening.Expire(),
            _ => random.Next(2) == 0 ? new Happening.Expire() : new Happening.Use(random.Next(0, 30), random.Next(0, 3_000)),
        };
    }
}
