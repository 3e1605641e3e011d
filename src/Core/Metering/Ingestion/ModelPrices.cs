using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>The prices of a model from a point in time on. A kind of tokens without a price costs what the total it is a part of costs.</summary>
/// <param name="PromptEurPerThousand">EUR per 1,000 tokens, six decimals, as all prices of tokens.</param>
public sealed record ModelPrice(string Model, DateTimeOffset EffectiveFrom, decimal PromptEurPerThousand, decimal CompletionEurPerThousand)
{
    public decimal? CachedPromptEurPerThousand { get; init; }
    public decimal? CacheWriteEurPerThousand { get; init; }
    public decimal? ReasoningEurPerThousand { get; init; }
    public decimal? AudioEurPerThousand { get; init; }
    /// <summary>EUR, six decimals; null: pictures cost nothing beyond their tokens.</summary>
    public decimal? EurPerImage { get; init; }

    /// <summary>EUR with nine decimals, exact without rounding.</summary>
    public decimal CostOf(UsageEvent usage) => usage.CacheHit ? 0 :
        (((usage.PromptTokens * PromptEurPerThousand) + (usage.CompletionTokens * CompletionEurPerThousand) + SurchargeOf(usage)) / 1000m)
        + (usage.Feature == UsageEvent.ImageFeature ? (usage.Quantity ?? 0) * (EurPerImage ?? 0) : 0);

    /// <summary>What the kinds cost in addition to the price of their totals; negative for a discount.</summary>
    decimal SurchargeOf(UsageEvent usage)
    {
        var kinds = usage.Kinds;
        if (kinds == TokenKinds.None)
        {
            return 0;
        }

        // Events do not say on which side audio is: on the prompt as far as it has room, then on the completion. What is left is cached or reasoning as
        // well, and has that price. So no token is priced twice (docs/decisions/0038).
        var promptAudio = Math.Min(kinds.Audio, usage.PromptTokens - kinds.CachedPrompt - kinds.CacheWrite);
        var completionAudio = Math.Min(kinds.Audio - promptAudio, usage.CompletionTokens - kinds.Reasoning);
        return Surcharge(kinds.CachedPrompt, CachedPromptEurPerThousand, PromptEurPerThousand)
            + Surcharge(kinds.CacheWrite, CacheWriteEurPerThousand, PromptEurPerThousand)
            + Surcharge(promptAudio, AudioEurPerThousand, PromptEurPerThousand)
            + Surcharge(kinds.Reasoning, ReasoningEurPerThousand, CompletionEurPerThousand)
            + Surcharge(completionAudio, AudioEurPerThousand, CompletionEurPerThousand);
    }

    static decimal Surcharge(long tokens, decimal? price, decimal priceOfTotal) => tokens * ((price ?? priceOfTotal) - priceOfTotal);
}

/// <summary>The prices of the models in a batch.</summary>
public sealed class ModelPrices(IEnumerable<ModelPrice> prices)
{
    readonly ILookup<string, ModelPrice> _byModel = prices.OrderByDescending(p => p.EffectiveFrom).ToLookup(p => p.Model, StringComparer.Ordinal);

    /// <summary>EUR with nine decimals, exact without rounding; null when the model had no price at that time.</summary>
    public decimal? CostOf(UsageEvent usage) =>
        _byModel[usage.Model].FirstOrDefault(price => price.EffectiveFrom <= usage.OccurredAt)?.CostOf(usage);

    /// <summary>Reads the rows of <see cref="Select"/>.</summary>
    internal static async Task<ModelPrices> ReadAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        var prices = new List<ModelPrice>();
        while (await reader.ReadAsync(ct))
        {
            prices.Add(new ModelPrice(reader.GetString(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetDecimal(2), reader.GetDecimal(3))
            {
                CachedPromptEurPerThousand = reader.Get<decimal?>(4),
                CacheWriteEurPerThousand = reader.Get<decimal?>(5),
                ReasoningEurPerThousand = reader.Get<decimal?>(6),
                AudioEurPerThousand = reader.Get<decimal?>(7),
                EurPerImage = reader.Get<decimal?>(8),
            });
        }

        return new ModelPrices(prices);
    }

    /// <summary>$1: model names.</summary>
    internal const string Select = """
        select model, effective_from, prompt_eur_per_1000, completion_eur_per_1000, cached_prompt_eur_per_1000, cache_write_eur_per_1000,
               reasoning_eur_per_1000, audio_eur_per_1000, eur_per_image
        from control.model_price where model = any($1)
        """;
}
