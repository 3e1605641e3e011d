using ControlPlane.Demo;

namespace ControlPlane.Tests.Demo;

[Trait("Category", "Quick")]
public class TraceGeneratorTests
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly List<TraceCall> Calls = TraceGenerator.Calls(seed: 1, count: 5_000, Start, days: 28);

    [Fact]
    public void The_same_seed_gives_the_same_trace() => Assert.Equal(Calls, TraceGenerator.Calls(1, 5_000, Start, 28));

    [Fact]
    public void Load_follows_an_office_week()
    {
        Assert.True(PerDay(day => day is DayOfWeek.Tuesday) > 3 * PerDay(day => day is DayOfWeek.Sunday));
        Assert.True(Calls.Count(call => call.ArrivedAt.Hour == 13) > 5 * Calls.Count(call => call.ArrivedAt.Hour == 3));

        static int PerDay(Func<DayOfWeek, bool> on) => Calls.Count(call => on(call.ArrivedAt.DayOfWeek));
    }

    [Fact]
    public void Calls_and_token_counts_stay_within_bounds()
    {
        Assert.All(Calls, call => Assert.InRange(call.ArrivedAt, Start, Start.AddDays(28)));
        Assert.All(Calls, call => Assert.InRange(call.PromptTokens, 1, 16_000));
        Assert.All(Calls, call => Assert.InRange(call.CompletionTokens, 1, 4_000));
        Assert.InRange(Calls.Average(call => call.PromptTokens), 1_200, 2_000);
    }
}
