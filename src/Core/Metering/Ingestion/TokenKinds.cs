namespace ControlPlane.Metering.Ingestion;

/// <summary>The parts of an event's two totals that providers may price differently. They change the cost, never the count.</summary>
/// <param name="CachedPrompt">Of the prompt: read from the provider's cache.</param>
/// <param name="CacheWrite">Of the prompt: written to the provider's cache.</param>
/// <param name="Reasoning">Of the completion.</param>
/// <param name="Audio">Of the prompt and the completion together, because events do not say which.</param>
public sealed record TokenKinds(long CachedPrompt, long CacheWrite, long Reasoning, long Audio)
{
    /// <summary>Of an event that reports none.</summary>
    public static readonly TokenKinds None = new(0, 0, 0, 0);

    /// <exception cref="FieldException">A part is larger than its total.</exception>
    internal TokenKinds CheckedAgainst(long promptTokens, long completionTokens) =>
        CachedPrompt + CacheWrite > promptTokens
            ? throw new FieldException($"cached_prompt_tokens and cache_write_tokens are parts of prompt_tokens: together they must be at most {promptTokens}")
        : Reasoning > completionTokens
            ? throw new FieldException($"reasoning_tokens is a part of completion_tokens: it must be at most {completionTokens}")
        : Audio > promptTokens + completionTokens
            ? throw new FieldException($"audio_tokens is a part of prompt_tokens and completion_tokens: it must be at most {promptTokens + completionTokens}")
        : this == None ? None : this;
}
