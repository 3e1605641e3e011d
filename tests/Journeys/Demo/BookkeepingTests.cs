using ControlPlane.Local.Demo;

namespace ControlPlane.Tests.Demo;

public class BookkeepingTests
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DemoTenant Basic = DemoTenant.All.Single(tenant => tenant.Plan == "basic");

    [Fact]
    public void Late_tokens_are_charged_what_they_would_have_added_to_the_invoice_they_missed()
    {
        var books = new Bookkeeping(Start);
        Report(books, id: "1", occurred: Start.AddDays(3), clock: Start.AddDays(4), tokens: 999_500);
        Report(books, id: "2", occurred: Start.AddDays(30), clock: Start.AddDays(33), tokens: 2_000);
        Report(books, id: "3", occurred: Start.AddDays(33), clock: Start.AddDays(34), tokens: 1_250_000);

        Assert.Equal(new ExpectedInvoice(999_500, 0, 9.90m, 0m, 0m), books.InvoiceOf(Basic, 0));
        // 250,000 beyond the allowance, and 1,500 of the late ones beyond that of January: 0.015 EUR.
        Assert.Equal(new ExpectedInvoice(1_252_000, 2_000, 9.90m, 2.50m, 0.02m), books.InvoiceOf(Basic, 1));
        Assert.Equal(1, books.LateOf(Basic));
    }

    [Fact]
    public void Only_what_is_accepted_counts()
    {
        var books = new Bookkeeping(Start);
        var usage = new DemoEvent("1", Start, "u", "s", "gemini-pro", 800, 200);
        books.Enter(new Delivery(Basic, DeliveryForm.Array, [new(usage, ExpectedOutcome.Accepted), new(usage, ExpectedOutcome.Duplicate), new(usage with { PromptTokens = 1 }, ExpectedOutcome.Conflict)], Times: 3), Start);
        books.Enter(new Delivery(Basic, DeliveryForm.One, [new(usage, ExpectedOutcome.Accepted)], Corruption: Corruption.Forged), Start);

        Assert.Equal(new Outcome(Sent: 10, Accepted: 1, Duplicates: 5, Rejected: 3, Refused: 0, Unauthorized: 1), books.OutcomeOf(Basic));
        Assert.Equal(new Sums(1, 1_000, 0.0005m), books.SumsOf(Basic));
    }

    static void Report(Bookkeeping books, string id, DateTimeOffset occurred, DateTimeOffset clock, long tokens) =>
        books.Enter(new Delivery(Basic, DeliveryForm.One, [new(new DemoEvent(id, occurred, "u", "s", "gemini-pro", tokens, 0), ExpectedOutcome.Accepted)]), clock);
}
