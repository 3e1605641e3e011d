using ControlPlane.Demo;

namespace ControlPlane.Tests.Demo;

[Trait("Category", "Quick")]
public class ExpectedAccountingTests
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DemoTenant Basic = DemoTenant.All.Single(tenant => tenant.Plan == "basic");

    [Fact]
    public void Late_tokens_cost_what_they_would_have_added_to_the_missed_invoice()
    {
        var expected = new ExpectedAccounting(Start);
        Report(expected, id: "1", occurred: Start.AddDays(3), clock: Start.AddDays(4), tokens: 999_500);
        Report(expected, id: "2", occurred: Start.AddDays(30), clock: Start.AddDays(33), tokens: 2_000);
        Report(expected, id: "3", occurred: Start.AddDays(33), clock: Start.AddDays(34), tokens: 1_250_000);

        Assert.Equal(new ExpectedInvoice(999_500, 0, 9.90m, 0m, 0m), expected.InvoiceOf(Basic, 0));
        // 250,000 over the allowance, and 1,500 late ones over that of January: 0.015 EUR.
        Assert.Equal(new ExpectedInvoice(1_252_000, 2_000, 9.90m, 2.50m, 0.02m), expected.InvoiceOf(Basic, 1));
        Assert.Equal(1, expected.LateOf(Basic));
    }

    [Fact]
    public void Only_accepted_events_count()
    {
        var expected = new ExpectedAccounting(Start);
        var usage = new DemoEvent("1", Start, "u", "s", "gemini-pro", 800, 200);
        expected.Add(new Delivery(Basic, DeliveryFormat.Array, [new(usage, ExpectedOutcome.Accepted), new(usage, ExpectedOutcome.Duplicate), new(usage with { PromptTokens = 1 }, ExpectedOutcome.Conflict)], Times: 3), Start);
        expected.Add(new Delivery(Basic, DeliveryFormat.One, [new(usage, ExpectedOutcome.Accepted)], Corruption: Corruption.Forged), Start);

        Assert.Equal(new Outcome(Sent: 10, Accepted: 1, Duplicates: 5, Rejected: 3, Refused: 0, Unauthorized: 1), expected.OutcomeOf(Basic));
        Assert.Equal(new Sums(1, 1_000, 0.0005m), expected.SumsOf(Basic));
    }

    static void Report(ExpectedAccounting expected, string id, DateTimeOffset occurred, DateTimeOffset clock, long tokens) =>
        expected.Add(new Delivery(Basic, DeliveryFormat.One, [new(new DemoEvent(id, occurred, "u", "s", "gemini-pro", tokens, 0), ExpectedOutcome.Accepted)]), clock);
}
