namespace ControlPlane.Demo;

/// <summary>A customer of the demo, with the terms of its plan from the price list.</summary>
/// <param name="Share">Percentage of the trace's calls.</param>
/// <param name="Users">Number of users in its environment.</param>
/// <param name="Models">Models of its plan with the percentage of calls for each.</param>
/// <param name="EurPerMonth">null: a trial has no invoice.</param>
/// <param name="OverageEurPerThousand">EUR per 1,000 tokens beyond the included ones.</param>
public sealed record DemoTenant(
    string Plan, string Organization, string Slug, string Country, int Share, int Users, IReadOnlyList<(string Model, int Percent)> Models,
    decimal? EurPerMonth, long IncludedTokens, decimal OverageEurPerThousand)
{
    public string Email => $"owner@{Slug}.example";

    /// <summary>A separate copy of plans and prices, so that the check is independent of what the platform charges.</summary>
    public static readonly IReadOnlyList<DemoTenant> All =
    [
        new("trial", "Reading Circle Wien", "reading-circle", "AT", 10, 3, [("mistral:7b-instruct", 100)], null, 100_000, 0),
        new("basic", "Čapek & Søn", "capek", "CZ", 30, 8, [("mistral:7b-instruct", 60), ("gemini-pro", 40)], 9.90m, 1_000_000, 0.01m),
        new("premium", "Ωmega Labs", "omega-labs", "GR", 60, 40,
            [("mistral:7b-instruct", 30), ("gemini-1.5-pro", 30), ("gpt-4-turbo", 25), ("claude-3-opus", 15)], 49.90m, 10_000_000, 0.008m),
    ];

    static readonly Dictionary<string, decimal> EurPerThousand = new(StringComparer.Ordinal)
    {
        ["mistral:7b-instruct"] = 0m,
        ["gemini-pro"] = 0.0005m,
        ["gemini-1.5-pro"] = 0.0035m,
        ["gpt-4-turbo"] = 0.01m,
        ["claude-3-opus"] = 0.015m,
    };

    /// <summary>EUR, exact.</summary>
    public static decimal CostOf(DemoEvent usage) => usage.TotalTokens * EurPerThousand[usage.Model] / 1000m;
}
