using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Metering.Ingestion;

/// <summary>The cost of an event, of which parts have prices of their own.</summary>
public class ModelPriceTests
{
    static readonly DateTimeOffset At = new(2026, 2, 1, 12, 0, 0, TimeSpan.Zero);

    static readonly ModelPrice Price = new("m", At.AddYears(-1), 1, 4)
    {
        CachedPromptEurPerThousand = 0.1m,
        CacheWriteEurPerThousand = 1.25m,
        ReasoningEurPerThousand = 5,
        AudioEurPerThousand = 10,
        EurPerImage = 0.04m,
    };

    [Theory]
    // prompt, completion, cached, write, reasoning, audio, cost
    [InlineData(1000, 1000, 0, 0, 0, 0, "5")]
    [InlineData(1000, 0, 600, 0, 0, 0, "0.46")]
    [InlineData(1000, 0, 0, 400, 0, 0, "1.1")]
    [InlineData(1000, 0, 600, 400, 0, 0, "0.56")]
    [InlineData(0, 1000, 0, 0, 500, 0, "4.5")]
    // On the prompt's side as far as there is room, then on the completion's.
    [InlineData(1000, 1000, 0, 0, 0, 300, "7.7")]
    [InlineData(1000, 1000, 0, 0, 0, 1500, "17")]
    [InlineData(1000, 1000, 900, 0, 0, 300, "6.29")]
    // What is audio and cached, or audio and reasoning, has the other price.
    [InlineData(1000, 1000, 900, 100, 1000, 2000, "5.215")]
    public void A_kind_costs_its_price_and_the_rest_that_of_its_total(long prompt, long completion, long cached, long write, long reasoning, long audio, string cost) =>
        Assert.Equal(decimal.Parse(cost), Price.CostOf(Event(prompt, completion, new TokenKinds(cached, write, reasoning, audio))));

    [Fact]
    public void Pictures_cost_their_price_each_and_other_features_nothing()
    {
        var picture = Event(0, 0, TokenKinds.None) with { Feature = "image", Quantity = 3 };
        Assert.Equal(0.12m, Price.CostOf(picture));
        Assert.Equal(0.62m, Price.CostOf(picture with { PromptTokens = 500 }));
        Assert.Equal(0, Price.CostOf(picture with { Feature = "web_search" }));
        Assert.Equal(0, (Price with { EurPerImage = null }).CostOf(picture));
    }

    [Fact]
    public void An_answer_from_the_gateways_cache_costs_nothing()
    {
        var usage = Event(1000, 1000, new TokenKinds(600, 0, 500, 0)) with { Feature = "image", Quantity = 3 };
        Assert.NotEqual(0, Price.CostOf(usage));
        Assert.Equal(0, Price.CostOf(usage with { CacheHit = true }));
    }

    [Fact]
    public void A_kind_without_a_price_costs_what_its_total_costs() =>
        Prop.ForAll(Events(), Millionths(), (usage, prices) =>
            new ModelPrice("m", At, prices[0] / Million, prices[1] / Million).CostOf(usage)
                == ((usage.PromptTokens * prices[0]) + (usage.CompletionTokens * prices[1])) / (1000 * Million)).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_token_is_priced_once_and_exactly() =>
        Prop.ForAll(Events(), Millionths(), (usage, prices) =>
        {
            var price = new ModelPrice("m", At, prices[0] / Million, prices[1] / Million)
            {
                CachedPromptEurPerThousand = prices[2] / Million,
                CacheWriteEurPerThousand = prices[3] / Million,
                ReasoningEurPerThousand = prices[4] / Million,
                AudioEurPerThousand = prices[5] / Million,
            };

            // In whole numbers: billionths of a euro, token by token.
            var kinds = usage.Kinds;
            var prompt = Enumerable.Repeat(2, (int)kinds.CachedPrompt).Concat(Enumerable.Repeat(3, (int)kinds.CacheWrite)).Concat(Enumerable.Repeat(0, (int)usage.PromptTokens))
                .Take((int)usage.PromptTokens);
            var completion = Enumerable.Repeat(4, (int)kinds.Reasoning).Concat(Enumerable.Repeat(1, (int)usage.CompletionTokens)).Take((int)usage.CompletionTokens);
            var audio = kinds.Audio;
            var billionths = prompt.Concat(completion).Sum(kind => (long)prices[kind is 0 or 1 && audio-- > 0 ? 5 : kind]);
            return price.CostOf(usage) == billionths / (1000 * Million);
        }).QuickCheckThrowOnFailure();

    const decimal Million = 1_000_000;

    /// <summary>Events whose kinds are parts of their totals.</summary>
    static Arbitrary<UsageEvent> Events() => Gen.Choose(0, 300).ArrayOf(6).Select(numbers =>
    {
        var (prompt, completion) = (numbers[0], numbers[1]);
        var cached = numbers[2] % (prompt + 1);
        return Event(prompt, completion, new TokenKinds(
            cached, numbers[3] % (prompt - cached + 1), numbers[4] % (completion + 1), numbers[5] % (prompt + completion + 1)));
    }).ToArbitrary();

    /// <summary>Six prices per 1,000 tokens, in millionths of a euro.</summary>
    static Arbitrary<int[]> Millionths() => Gen.Choose(0, 20_000_000).ArrayOf(6).ToArbitrary();

    static UsageEvent Event(long prompt, long completion, TokenKinds kinds) => new()
    {
        Id = "e",
        OccurredAt = At,
        User = "u",
        Model = "m",
        PromptTokens = prompt,
        CompletionTokens = completion,
        Kinds = kinds,
    };
}
