namespace ControlPlane.Demo.Months;

/// <summary>A customer of the demo of several months.</summary>
/// <param name="Story">What it is there to show.</param>
/// <param name="TokensPerDay">How many it uses on average: fewer than a day's limit, of which it would be warned by email.</param>
/// <param name="Steps">What it does besides, by the day on which it does so.</param>
public sealed record MonthsCustomer(string Story, DemoTenant Tenant, int TokensPerDay, IReadOnlyList<MonthsStep> Steps)
{
    static DemoTenant Basic(string organization, string slug, string country) => new(
        "basic", organization, slug, country, 0, 1, [("mistral:7b-instruct", 60), ("gemini-3.8-flash", 40)], 9.90m, 1_000_000, 0.01m);

    static DemoTenant Premium(string organization, string slug, string country) => new(
        "premium", organization, slug, country, 0, 1, [("mistral:7b-instruct", 50), ("claude-opus-5-5", 50)], 49.90m, 10_000_000, 0.008m);

    static readonly MonthsStep SavesCard = new(1, 1, "saves a card", customer => customer.SaveCardAsync());

    /// <summary>Six customers, one for each way through the billing cycle.</summary>
    public static IReadOnlyList<MonthsCustomer> Cast(int months) =>
    [
        new("pays every month", Premium("Alpenblick Verlag", "alpenblick", "AT"), 360_000, [SavesCard]),
        new("fails, then pays", Basic("Kaffeerösterei Nord", "kaffee-nord", "DE"), 36_000,
        [
            SavesCard,
            // While only local models answer.
            new(1, 28, "its card has no money", customer => customer.SetOutcomeAsync("insufficient_funds")),
            new(2, 5, "pays", Pay),
            // While its environment is stopped.
            new(3, 28, "its card has expired", customer => customer.SetOutcomeAsync("expired_card")),
            new(4, 9, "pays with a new card", Pay),
        ]),
        new("upgrades", Basic("Čapek & Søn", "capek-son", "CZ"), 36_000,
        [
            SavesCard,
            new(1, 16, "upgrades", customer => customer.ChangePlanAsync("premium")),
            new(4, 10, "downgrades at the end of the month", customer => customer.ChangePlanAsync("basic")),
        ]),
        new("cancels and returns", Basic("Bäckerei Grünwald", "gruenwald", "DE"), 30_000,
        [
            SavesCard,
            new(1, 10, "cancels", customer => customer.CancelAsync()),
            new(1, 12, "changes its mind", customer => customer.UndoCancellationAsync()),
            new(1, 20, "cancels again", customer => customer.CancelAsync()),
            new(2, 15, "returns", customer => customer.ChangePlanAsync("basic")),
        ]),
        new("pays by bank transfer", Premium("Stadtwerke Seeheim", "seeheim", "DE"), 250_000,
        [
            new(1, 1, "agrees to pay by bank transfer", customer => customer.PayByTransferAsync()),
            .. Enumerable.Range(2, months - 1).Select(month => month == 3
                ? new MonthsStep(month, 17, "pays late", customer => customer.TransferAsync())
                : new MonthsStep(month, 6, "pays", customer => customer.TransferAsync())),
        ]),
        new("never pays", Basic("Lost & Co.", "lost", "IE"), 34_000, [SavesCard, new(1, 1, "its card was reported lost", customer => customer.SetOutcomeAsync("lost_card"))]),
    ];

    static async Task Pay(MonthsAccount customer)
    {
        await customer.SetOutcomeAsync("succeed");
        await customer.PayAsync();
    }
}

/// <param name="Month">Counted from 1.</param>
/// <param name="Day">Of the month, from 1.</param>
public sealed record MonthsStep(int Month, int Day, string What, Func<MonthsAccount, Task> RunAsync);
