using static ControlPlane.Billing.Cycle.CollectionState;
using static ControlPlane.Billing.Cycle.Stage;
using static ControlPlane.Tests.Billing.Cycle.CycleSamples;

namespace ControlPlane.Tests.Billing.Cycle;

/// <summary>The table of the billing cycle: every stage with every fact. Hours are counted from E, the end of the period.</summary>
public sealed class BillingCycleTests
{
    [Theory]
    // The stage is entered at E, or at E+9h where something has failed by then.
    [InlineData(Invoiced, Due, 0, 0, null, null, null)]
    [InlineData(Invoiced, CollectionState.Pending, 0, 10, Stage.Pending, 10, null)]
    [InlineData(Invoiced, CollectionState.Pending, 1, 10, null, null, null)]
    [InlineData(Invoiced, Failed, 0, 9, PastDue, 9, 0)]
    [InlineData(Invoiced, Failed, 0, 2, PastDue, 9, 0)]
    [InlineData(Invoiced, Failed, 0, 20, PastDue, 20, 0)]
    [InlineData(Invoiced, Failed, 0, 33, PastDue, 33, 24)]
    [InlineData(Invoiced, RequiresAction, 0, 9, PastDue, 9, 0)]
    [InlineData(Invoiced, Reversed, 1, 50, PastDue, 50, 50)]
    [InlineData(Stage.Pending, CollectionState.Pending, 0, 10, null, null, null)]
    [InlineData(Stage.Pending, Failed, 1, 100, PastDue, 100, 100)]
    [InlineData(Stage.Pending, Reversed, 1, 100, PastDue, 100, 100)]
    [InlineData(PastDue, Failed, 0, 9, Dunning, 72, 0)]
    [InlineData(PastDue, Due, 0, 9, Dunning, 72, 0)]
    [InlineData(PastDue, Reversed, 1, 40, Dunning, 72, 0)]
    [InlineData(PastDue, Failed, 2, 100, Dunning, 100, 0)]
    [InlineData(PastDue, CollectionState.Pending, 0, 30, Stage.Pending, 30, null)]
    [InlineData(PastDue, CollectionState.Pending, 1, 30, null, null, null)]
    [InlineData(Dunning, Failed, 0, 9, Suspended, 144, 0)]
    [InlineData(Dunning, CollectionState.Pending, 0, 80, Stage.Pending, 80, null)]
    [InlineData(Dunning, CollectionState.Pending, 1, 80, null, null, null)]
    [InlineData(Suspended, CollectionState.Pending, 0, 150, Stage.Pending, 150, null)]
    [InlineData(Suspended, CollectionState.Pending, 1, 150, null, null, null)]
    [InlineData(Paid, Reversed, 1, 200, PastDue, 200, 200)]
    [InlineData(Closed, Failed, 0, 9, null, null, null)]
    public void A_stage_and_what_the_provider_says_make_the_next_stage_due(
        Stage stage, CollectionState state, int bounces, int changedAt, Stage? next, int? dueAt, int? graceFrom)
    {
        var since = stage switch { Dunning => E.AddHours(72), Suspended => E.AddHours(144), _ => E };
        var facts = Unpaid(stage, since, Charged(state, E.AddHours(changedAt), bounces), graceFrom: stage >= PastDue ? E : null);
        var move = BillingCycle.Next(facts, E.AddDays(20)) as Transition.Move;
        move = move is { IsFact: false } ? BillingCycle.Next(facts, move.DueAt) as Transition.Move : move;

        Assert.Equal((next, dueAt is { } d ? E.AddHours(d) : null, graceFrom is { } g ? E.AddHours(g) : null), (move?.To, move?.DueAt, move?.GraceFrom));
        if (move is { IsFact: false })
        {
            Assert.Null(BillingCycle.Next(facts, move.DueAt.AddTicks(-1)));
        }
    }

    [Theory]
    [InlineData(Invoiced)]
    [InlineData(Stage.Pending)]
    [InlineData(PastDue)]
    [InlineData(Dunning)]
    [InlineData(Suspended)]
    [InlineData(Closed)]
    public void Whatever_the_stage_what_is_settled_is_paid_at_once(Stage stage)
    {
        var facts = Unpaid(stage, E, Settled(E.AddHours(30)), graceFrom: E);
        foreach (var now in new[] { E.AddHours(30), E.AddHours(29), E.AddDays(60) })
        {
            var move = Assert.IsType<Transition.Move>(BillingCycle.Next(facts with { Periods = [facts.Periods[0]] }, now));
            Assert.Equal((stage, Paid, E.AddHours(30), true), (move.From, move.To, move.DueAt, move.IsFact));
        }
    }

    [Fact]
    public void A_transfer_is_past_due_when_it_has_not_arrived_in_time()
    {
        var facts = Unpaid(Invoiced, E, Transfer());
        Assert.Null(BillingCycle.Next(facts, E.AddDays(14).AddTicks(-1)));
        Assert.Equal(
            new Transition.Move(1, E.AddDays(14), Invoiced, PastDue, E.AddDays(14)), BillingCycle.Next(facts, E.AddDays(14)));
        // Noticed late: the customer has the whole grace.
        Assert.Equal(E.AddDays(20), ((Transition.Move)BillingCycle.Next(facts, E.AddDays(20))!).GraceFrom);
    }

    [Fact]
    public void Thirty_days_after_the_suspension_the_subscription_is_closed_unless_it_has_ended_already()
    {
        var suspended = Charged(Failed, E.AddHours(9));
        var subscription = Subscription(openPeriod: 3);
        // A week before, the customer is told; told late, there is still a week to pay.
        Assert.Equal(new Transition.TellClosing(1, E.AddDays(29), IsUnpaid: true), BillingCycle.Next(Unpaid(Suspended, E.AddDays(6), suspended, E, subscription), E.AddDays(36)));
        Assert.Equal(
            new Transition.TellClosing(1, E.AddDays(29), IsUnpaid: true),
            BillingCycle.Next(Unpaid(Suspended, E.AddDays(6), suspended, E, subscription with { ClosingToldAt = E.AddDays(5) }), E.AddDays(36)));
        Assert.Equal(
            new Transition.CloseSubscription(1, E.AddDays(36), "unpaid"),
            BillingCycle.Next(Unpaid(Suspended, E.AddDays(6), suspended, E, subscription with { ClosingToldAt = E.AddDays(29).AddHours(1) }), E.AddDays(36)));
        Assert.Equal(
            new Transition.CloseSubscription(1, E.AddDays(41).AddHours(12), "unpaid"),
            BillingCycle.Next(Unpaid(Suspended, E.AddDays(6), suspended, E, subscription with { ClosingToldAt = E.AddDays(35) }), E.AddDays(50)));
        var ended = Subscription() with { Status = "ended", EndReason = "deleted" };
        Assert.Equal(
            new Transition.Move(1, E.AddDays(36), Suspended, Closed, E), BillingCycle.Next(Unpaid(Suspended, E.AddDays(6), suspended, E, ended), E.AddDays(36)));
    }

    [Fact]
    public void A_period_is_previewed_two_days_before_its_end_and_then_closed()
    {
        var facts = Facts(Subscription());
        var end = BillingPeriod.Of(Anchor, 2).EndsAt;
        Assert.Null(BillingCycle.Next(facts, end.AddHours(-48).AddTicks(-1)));
        Assert.Equal(new Transition.Preview(2, end.AddHours(-48)), BillingCycle.Next(facts, end.AddHours(-48)));
        Assert.Equal(new Transition.Preview(2, end.AddHours(-48)), BillingCycle.Next(facts, end.AddTicks(-1)));
        // Too late to tell: closed without.
        Assert.Equal(new Transition.ClosePeriod(2, end), BillingCycle.Next(facts, end));
        var previewed = facts with { Periods = [facts.Periods[0] with { Stage = Previewed }] };
        Assert.Null(BillingCycle.Next(previewed, end.AddTicks(-1)));
        Assert.Equal(new Transition.ClosePeriod(2, end), BillingCycle.Next(previewed, end));
        // A trial has no invoice to preview.
        Assert.Equal(new Transition.ClosePeriod(2, end), BillingCycle.Next(facts with { IsPriced = false }, end));
        Assert.Equal(end, BillingCycle.NextDueAt(facts with { IsPriced = false }));
    }

    [Fact]
    public void A_cancelled_tenant_is_deleted_thirty_days_after_the_end()
    {
        var ended = Subscription() with { Status = "ended", EndReason = "cancelled", EndedAt = E };
        Assert.Equal(E.AddDays(23), BillingCycle.NextDueAt(Facts(ended)));
        Assert.Equal(new Transition.TellClosing(2, E.AddDays(23), IsUnpaid: false), BillingCycle.Next(Facts(ended), E.AddDays(30)));
        ended = ended with { ClosingToldAt = E.AddDays(23) };
        Assert.Equal(E.AddDays(30), BillingCycle.NextDueAt(Facts(ended)));
        Assert.Equal(new Transition.Delete(2, E.AddDays(30)), BillingCycle.Next(Facts(ended), E.AddDays(30)));
        Assert.Null(BillingCycle.NextDueAt(Facts(ended with { TenantDeletedAt = E.AddDays(30) })));
        Assert.Null(BillingCycle.NextDueAt(Facts(ended with { EndReason = "deleted" })));
    }

    [Fact]
    public void What_was_due_first_comes_first_and_a_payment_whenever_it_was_made()
    {
        // Down from the 5th day to the 40th: the end of the second period, then the third stage of the first.
        var facts = Unpaid(PastDue, E.AddHours(9), Charged(Failed, E.AddHours(9)), E);
        var second = BillingPeriod.Of(Anchor, 2);
        Assert.Equal(new Transition.Move(1, E.AddHours(72), PastDue, Dunning, E), BillingCycle.Next(facts, second.EndsAt.AddDays(10)));
        var dunned = Unpaid(Dunning, second.EndsAt.AddDays(10), Charged(Failed, E.AddHours(9)), E);
        Assert.Equal(second.EndsAt.AddHours(-48), BillingCycle.NextDueAt(dunned));
        Assert.Equal(new Transition.ClosePeriod(2, second.EndsAt), BillingCycle.Next(dunned, second.EndsAt.AddDays(10)));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(12, 0)]
    [InlineData(13, 13)]
    [InlineData(240, 240)]
    public void What_is_entered_more_than_twelve_hours_late_is_counted_from_when_it_was_entered(int hoursLate, int countedFrom) =>
        Assert.Equal(E.AddHours(countedFrom), BillingCycle.Effective(E, E.AddHours(hoursLate), Policy));

    [Theory]
    [InlineData(Access.Full, Invoiced, Stage.Pending, PastDue)]
    [InlineData(Access.LocalModels, Invoiced, Dunning, PastDue)]
    [InlineData(Access.None, Suspended, Dunning, Paid)]
    public void Access_is_that_of_the_worst_unpaid_period(Access access, params Stage[] stages)
    {
        var periods = stages.Select((stage, i) => new PeriodState(BillingPeriod.Of(Anchor, i + 1), stage, E, null, null));
        Assert.Equal(access, BillingCycle.AccessOf(periods, Subscription()));
        Assert.Equal(Access.None, BillingCycle.AccessOf(periods, Subscription() with { Status = "ended" }));
        Assert.Equal(Access.None, BillingCycle.AccessOf(periods, Subscription() with { EndReason = "unpaid" }));
    }
}
