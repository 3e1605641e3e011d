namespace ControlPlane.Catalog.Models;

/// <summary>Prices of a model from a moment on, in EUR per 1,000 tokens.</summary>
/// <param name="EffectiveFrom">null: now.</param>
public sealed record NewPrice(
    DateTimeOffset? EffectiveFrom, decimal? PromptEurPerThousand, decimal? CompletionEurPerThousand, decimal? CachedPromptEurPerThousand, decimal? CacheWriteEurPerThousand,
    decimal? ReasoningEurPerThousand, decimal? AudioEurPerThousand, decimal? EurPerImage, string? Source)
{
    const decimal MaximumPerThousand = 1_000;
    const decimal MaximumPerImage = 999;
    const int MaximumSource = 300;

    /// <param name="isLocal">Other models cost money, so a price of 0 is a mistake.</param>
    public FieldErrors Validate(bool isLocal, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        errors.Check("effective_from", CatalogChanges.Validate(EffectiveFrom, now));
        errors.Check("prompt_eur_per_thousand", PromptEurPerThousand is null ? "Enter the price of 1,000 tokens of the prompt in EUR." : Validate(PromptEurPerThousand, MaximumPerThousand));
        errors.Check("completion_eur_per_thousand", CompletionEurPerThousand is null ? "Enter the price of 1,000 tokens of the completion in EUR." : Validate(CompletionEurPerThousand, MaximumPerThousand));
        errors.Check("cached_prompt_eur_per_thousand", Validate(CachedPromptEurPerThousand, MaximumPerThousand));
        errors.Check("cache_write_eur_per_thousand", Validate(CacheWriteEurPerThousand, MaximumPerThousand));
        errors.Check("reasoning_eur_per_thousand", Validate(ReasoningEurPerThousand, MaximumPerThousand));
        errors.Check("audio_eur_per_thousand", Validate(AudioEurPerThousand, MaximumPerThousand));
        errors.Check("eur_per_image", Validate(EurPerImage, MaximumPerImage));
        errors.Check("prompt_eur_per_thousand", isLocal || PromptEurPerThousand > 0 || CompletionEurPerThousand > 0 || EurPerImage > 0
            ? null : "Enter what the provider charges. Only local models cost nothing.");
        errors.Check("source", Source is null || (Source.Length <= MaximumSource && !Source.Any(char.IsControl)) ? null : $"Enter at most {MaximumSource} characters: where the price comes from.");
        return errors;
    }

    static string? Validate(decimal? price, decimal maximum) =>
        price is null || (price >= 0 && price <= maximum && decimal.Round(price.Value, 6) == price) ? null : $"Enter an amount in EUR from 0 to {maximum}, with at most six decimals.";
}

/// <summary>Gives a model prices from a moment on. Those of the past stay; coming ones of the same moment are replaced.</summary>
public sealed class SetPrice(ControlDatabase database, Clock clock)
{
    public async Task<ChangeModelResult> RunAsync(string model, NewPrice price, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginCatalogChangeAsync(ct);
        var now = clock.GetUtcNow();
        if (await transaction.ModelAsync(model, now, ct) is not { } before)
        {
            return new ChangeModelResult.NotFound();
        }

        var errors = price.Validate(before.IsLocal, now);
        if (errors.Count > 0)
        {
            return new ChangeModelResult.Invalid(errors);
        }

        var from = price.EffectiveFrom ?? now;
        if (before.Prices.Any(other => other.EffectiveFrom == from && from <= now))
        {
            return new ChangeModelResult.Conflict($"The price of {from:u} is in force. Send one with a later effective_from.");
        }

        await InsertAsync(transaction, model, price, from, ct);
        return await transaction.CommitChangeAsync(clock, model, actor, "model.price_set", new { model, price = price with { EffectiveFrom = from } }, ct);
    }

    internal static Task<int> InsertAsync(Transaction transaction, string model, NewPrice price, DateTimeOffset from, CancellationToken ct) => transaction.ExecuteAsync(
        Upsert, ct, model, from, price.PromptEurPerThousand, price.CompletionEurPerThousand, price.CachedPromptEurPerThousand, price.CacheWriteEurPerThousand, price.ReasoningEurPerThousand,
        price.AudioEurPerThousand, price.EurPerImage, price.Source);

    const string Upsert = """
        insert into control.model_price (model, effective_from, prompt_eur_per_1000, completion_eur_per_1000, cached_prompt_eur_per_1000, cache_write_eur_per_1000,
                                         reasoning_eur_per_1000, audio_eur_per_1000, eur_per_image, source)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (model, effective_from) do update set
            prompt_eur_per_1000 = excluded.prompt_eur_per_1000, completion_eur_per_1000 = excluded.completion_eur_per_1000,
            cached_prompt_eur_per_1000 = excluded.cached_prompt_eur_per_1000, cache_write_eur_per_1000 = excluded.cache_write_eur_per_1000,
            reasoning_eur_per_1000 = excluded.reasoning_eur_per_1000, audio_eur_per_1000 = excluded.audio_eur_per_1000,
            eur_per_image = excluded.eur_per_image, source = excluded.source
        """;
}
