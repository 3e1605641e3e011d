using System.Text;

namespace ControlPlane.Tests.Metering.Ingestion;

public class UsageBatchTests
{
    static readonly DateTimeOffset Now = new(2026, 2, 1, 12, 0, 0, TimeSpan.Zero);
    static readonly Subscription Subscription = new(Guid.Empty, "basic", "active", Now, new DateOnly(2026, 1, 1), null, 2, null, null);
    static readonly ModelPrices Prices = new([
        new("gpt-4-turbo", Now.AddYears(-1), 0.01m, 0.03m),
        new("gpt-4-turbo", Now.AddDays(-1), 0.02m, 0.02m),
    ]);

    [Fact]
    public void A_price_change_does_not_affect_earlier_events()
    {
        Assert.Equal(0.04m, Prices.CostOf(Event("a", Now.AddDays(-2), prompt: 1000, completion: 1000)));
        Assert.Equal(0.04m, Prices.CostOf(Event("a", Now, prompt: 1000, completion: 1000)));
        Assert.Equal(0.000010m, Prices.CostOf(Event("a", Now.AddDays(-2), prompt: 1)));
        Assert.Equal(0.000020m, Prices.CostOf(Event("a", Now, prompt: 1)));
    }

    [Fact]
    public void A_repeated_id_within_a_batch_is_a_duplicate_or_with_different_content_a_conflict()
    {
        var batch = Batch([Submit(Event("a", Now)), Submit(Event("a", Now)), Submit(Event("a", Now, prompt: 99))]);

        Assert.Single(batch.Candidates);
        batch.Price(Prices, Subscription);
        batch.Accept(["a"]);
        batch.Compare([]);
        Assert.Equal(1, batch.Reply(0, 3).Duplicates);
        Assert.Equal(Rejection.Codes.Conflict, Assert.Single(batch.Rejected).Rejection.Code);
    }

    [Fact]
    public void Events_in_the_future_or_too_old_are_rejected_but_a_replay_accepts_any_age()
    {
        var old = Submit(Event("old", Now.AddDays(-35).AddSeconds(-1)));
        var batch = Batch([old, Submit(Event("edge", Now.AddDays(-35))), Submit(Event("ahead", Now.AddMinutes(5))), Submit(Event("future", Now.AddMinutes(6)))]);

        Assert.Equal(["edge", "ahead"], batch.Candidates.Select(c => c.Id));
        Assert.Equal([Rejection.Codes.TooOld, Rejection.Codes.InFuture], batch.Rejected.Select(r => r.Rejection.Code));
        Assert.Single(Batch([old], anyAge: true).Candidates);
    }

    [Fact]
    public void After_the_end_of_a_subscription_known_events_are_duplicates_and_new_ones_rejected()
    {
        // Deleted in its first period, which ends on 1 February.
        var ending = Subscription with { OpenPeriod = 1, TenantDeletedAt = new DateTimeOffset(2026, 1, 20, 0, 0, 0, TimeSpan.Zero) };
        var ended = ending with { Status = "ended", OpenPeriod = 2 };
        var (inTime, after) = (Event("in-time", Now.AddDays(-1)), Event("after", Now));

        var open = Batch([Submit(inTime), Submit(after)]);
        open.Price(Prices, ending);
        Assert.Equal(["in-time"], open.Priced.Select(priced => priced.Event.Id));
        open.Accept(["in-time"]);
        open.Compare([]);
        Assert.Equal([Rejection.Codes.SubscriptionEnded], open.Rejected.Select(rejected => rejected.Rejection.Code));

        var closed = Batch([Submit(inTime), Submit(Event("new", Now.AddDays(-1))), Submit(inTime with { PromptTokens = 99 })]);
        closed.Price(Prices, ended);
        Assert.Empty(closed.Priced);
        Assert.Equal(["in-time", "new"], closed.Existing);
        closed.Compare([inTime]);
        Assert.Equal(1, closed.Reply(0, 3).Duplicates);
        Assert.Equal([Rejection.Codes.SubscriptionEnded, Rejection.Codes.Conflict], closed.Rejected.Select(rejected => rejected.Rejection.Code));
    }

    [Fact]
    public void Existing_events_are_compared_by_content()
    {
        var same = Event("same", Now);
        var batch = Batch([Submit(Event("new", Now)), Submit(same), Submit(Event("other", Now)), Submit(Event("nomodel", Now) with { Model = "x" })]);
        batch.Price(Prices, Subscription);
        batch.Accept(["new"]);
        batch.Compare([same with { }, Event("other", Now, prompt: 2)]);

        Assert.Equal(["same", "other"], batch.Existing);
        Assert.Equal([("other", Rejection.Codes.Conflict), ("nomodel", Rejection.Codes.UnknownModel)], batch.Rejected.Select(r => (r.Submission.Id!, r.Rejection.Code)));
        var reply = batch.Reply(0, 4);
        Assert.Equal((1, 1L, 2), (reply.Accepted, reply.Duplicates, reply.Rejected.Count));
    }

    [Fact]
    public void An_event_with_other_kinds_of_tokens_is_a_conflict_and_without_any_the_same_as_with_none()
    {
        var (priced, plain) = (Event("priced", Now, prompt: 5) with { Kinds = new TokenKinds(3, 0, 0, 0) }, Event("plain", Now, prompt: 5));
        var batch = Batch([Submit(priced), Submit(plain with { Kinds = new TokenKinds(0, 0, 0, 0) }), Submit(Event("more", Now, prompt: 5) with { Kinds = new TokenKinds(0, 0, 0, 1) })]);
        batch.Price(Prices, Subscription);
        batch.Accept([]);
        batch.Compare([priced with { Kinds = new TokenKinds(4, 0, 0, 0) }, plain, Event("more", Now, prompt: 5)]);

        Assert.Equal(["priced", "more"], batch.Rejected.Select(rejected => rejected.Submission.Id!));
        Assert.Equal(1, batch.Reply(0, 3).Duplicates);
    }

    [Fact]
    public void A_repeat_of_a_rejected_event_is_rejected_with_the_same_code()
    {
        var first = Event("a", Now);
        var other = first with { PromptTokens = 2 };
        var odd = Event("b", Now) with { Model = "x" };
        var batch = Batch([Submit(other), Submit(other), Submit(first), Submit(odd), Submit(odd)]);
        batch.Price(Prices, Subscription);
        batch.Accept([]);
        batch.Compare([first]);

        Assert.Equal(1, batch.Reply(2, 1).Duplicates);
        Assert.Equal(
            [Rejection.Codes.Conflict, Rejection.Codes.Conflict, Rejection.Codes.UnknownModel, Rejection.Codes.UnknownModel],
            batch.Reply(0, 5).Rejected.Select(r => r.Code));
    }

    [Fact]
    public void Each_delivery_in_a_shared_batch_gets_the_outcome_of_its_own_events()
    {
        var batch = Batch([Submit(Event("a", Now)), Submit(Event("b", Now)), Submit(Event("a", Now)), Submit(Event("c", Now) with { Model = "x" })]);
        batch.Price(Prices, Subscription);
        batch.Accept(["a", "b"]);
        batch.Compare([]);

        Assert.Equal((2L, 0L, 0), Counts(batch.Reply(0, 2)));
        Assert.Equal((0L, 1L, 1), Counts(batch.Reply(2, 2)));

        static (long, long, int) Counts(IngestReply reply) => (reply.Accepted, reply.Duplicates, reply.Rejected.Count);
    }

    [Fact]
    public void An_event_belongs_to_its_own_period_or_to_the_open_period_if_its_own_is_invoiced()
    {
        Assert.Equal(2, Subscription.PeriodOf(new DateTimeOffset(2026, 1, 31, 23, 59, 59, TimeSpan.Zero)));
        Assert.Equal(2, Subscription.PeriodOf(new DateTimeOffset(2026, 2, 1, 0, 0, 0, TimeSpan.Zero)));
        Assert.Equal(3, Subscription.PeriodOf(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero)));
    }

    static UsageBatch Batch(Submission[] submissions, bool anyAge = false) => new([.. submissions.Select(s => new ReceivedSubmission(s, Now))], anyAge);

    static UsageEvent Event(string id, DateTimeOffset at, long prompt = 1, long completion = 0) => new()
    {
        Id = id,
        OccurredAt = at,
        User = "u",
        Model = "gpt-4-turbo",
        PromptTokens = prompt,
        CompletionTokens = completion,
    };

    static Submission Submit(UsageEvent usage) => new(0, UsageFormat.Event, Encoding.UTF8.GetBytes($"raw {usage}"), usage.Id, usage, null);
}
