using ControlPlane.Demo;

namespace ControlPlane.Tests.Demo;

[Trait("Category", "Quick")]
public class DemoScriptTests
{
    const int Days = 59;
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_expected_outcome_follows_from_earlier_deliveries(int seed)
    {
        foreach (var tenant in DemoTenant.All)
        {
            var known = new Dictionary<string, DemoEvent>();
            foreach (var day in Script(seed))
            {
                // Deliveries of one day may arrive in any order.
                var deliveries = day.Deliveries.Where(delivery => delivery.Tenant == tenant).Reverse().ToList();
                foreach (var entry in deliveries.Where(delivery => delivery.Corruption == Corruption.None).SelectMany(delivery => delivery.Entries))
                {
                    Assert.Equal(ExpectedOutcomeOf(entry.Event, known, day.Clock), entry.ExpectedOutcome);
                    known.TryAdd(entry.Event.Id, entry.Event);
                }
            }
        }
    }

    [Fact]
    public void Every_call_of_the_trace_is_accepted_once()
    {
        var trace = Trace(seed: 1);
        var accepted = Script(seed: 1).SelectMany(day => day.Deliveries).Where(delivery => delivery.Corruption == Corruption.None)
            .SelectMany(delivery => delivery.Entries).Where(entry => entry.ExpectedOutcome == ExpectedOutcome.Accepted).Select(entry => entry.Event).OrderBy(usage => usage.Id).ToList();

        Assert.Equal(trace.Select(call => (call.PromptTokens, call.CompletionTokens)), accepted.Select(usage => (usage.PromptTokens, usage.CompletionTokens)));
        Assert.Equal(accepted.Select(usage => usage.OccurredAt).Order(), accepted.Select(usage => usage.OccurredAt));
    }

    [Fact]
    public void The_same_seed_gives_the_same_script()
    {
        Assert.Equal(Events(1), Events(1));
        Assert.NotEqual(Events(1), Events(2));

        static List<DemoEvent> Events(int seed) =>
            [.. Script(seed).SelectMany(day => day.Deliveries).SelectMany(delivery => delivery.Entries).Select(entry => entry.Event)];
    }

    [Fact]
    public void The_script_contains_every_kind_of_fault()
    {
        var deliveries = Script(seed: 1).SelectMany(day => day.Deliveries).ToList();

        Assert.Equal(Enum.GetValues<ExpectedOutcome>(), deliveries.SelectMany(delivery => delivery.Entries).Select(entry => entry.ExpectedOutcome).Distinct().Order());
        Assert.Equal(Enum.GetValues<DeliveryFormat>(), deliveries.Select(delivery => delivery.Format).Distinct().Order());
        Assert.Equal(Enum.GetValues<Corruption>(), deliveries.Select(delivery => delivery.Corruption).Distinct().Order());
        Assert.Contains(deliveries, delivery => delivery.Times > 1);
    }

    static ExpectedOutcome ExpectedOutcomeOf(DemoEvent usage, Dictionary<string, DemoEvent> known, DateTimeOffset now) =>
        usage.PromptTokens < 0 ? ExpectedOutcome.Malformed
        : usage.OccurredAt > now.AddMinutes(5) ? ExpectedOutcome.InFuture
        : usage.OccurredAt < now.AddDays(-35) ? ExpectedOutcome.TooOld
        : !DemoTenant.All.SelectMany(tenant => tenant.Models).Any(model => model.Model == usage.Model) ? ExpectedOutcome.UnknownModel
        : !known.TryGetValue(usage.Id, out var first) ? ExpectedOutcome.Accepted
        : first == usage ? ExpectedOutcome.Duplicate : ExpectedOutcome.Conflict;

    static List<TraceCall> Trace(int seed) => TraceGenerator.Calls(seed, 10_000, Start, Days);

    static List<DemoDay> Script(int seed) => DemoScript.Write(Trace(seed), Start, Days, seed, DemoTenant.All);
}
