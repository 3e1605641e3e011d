using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>The price of a model from a point in time on.</summary>
/// <param name="PromptEurPerThousand">EUR per 1,000 tokens, six decimals.</param>
/// <param name="CompletionEurPerThousand">EUR per 1,000 tokens, six decimals.</param>
public sealed record ModelPrice(string Model, DateTimeOffset EffectiveFrom, decimal PromptEurPerThousand, decimal CompletionEurPerThousand);

/// <summary>The prices of the models in a batch.</summary>
public sealed class ModelPrices(IEnumerable<ModelPrice> prices)
{
    readonly ILookup<string, ModelPrice> _byModel = prices.OrderByDescending(p => p.EffectiveFrom).ToLookup(p => p.Model, StringComparer.Ordinal);

    /// <summary>EUR with nine decimals, exact without rounding; null when the model had no price at that time.</summary>
    public decimal? CostOf(UsageEvent usage) =>
        _byModel[usage.Model].FirstOrDefault(price => price.EffectiveFrom <= usage.OccurredAt) is { } price
            ? ((usage.PromptTokens * price.PromptEurPerThousand) + (usage.CompletionTokens * price.CompletionEurPerThousand)) / 1000m
            : null;

    /// <summary>Reads the rows of <see cref="Select"/>.</summary>
    internal static async Task<ModelPrices> ReadAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        var prices = new List<ModelPrice>();
        while (await reader.ReadAsync(ct))
        {
            prices.Add(new ModelPrice(reader.GetString(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetDecimal(2), reader.GetDecimal(3)));
        }

        return new ModelPrices(prices);
    }

    /// <summary>$1: model names.</summary>
    internal const string Select = "select model, effective_from, prompt_eur_per_1000, completion_eur_per_1000 from control.model_price where model = any($1)";
}
