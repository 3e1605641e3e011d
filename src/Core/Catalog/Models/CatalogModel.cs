namespace ControlPlane.Catalog.Models;

/// <summary>A model by the name that customers buy and usage is priced by, for operators.</summary>
/// <param name="IsLocal">Runs on Ollama. All of its routes do, and no other model's.</param>
/// <param name="MemoryMib">What Ollama needs to run it; null: not known, or not local.</param>
/// <param name="Plans">Those that include it, also because they include all models.</param>
/// <param name="IsRetired">No route is in force, or will be. Environments do not offer it.</param>
/// <param name="Routes">In force or coming, in the order in which they are tried; then those that have ended.</param>
/// <param name="Prices">The one in force first, then the coming ones.</param>
public sealed record CatalogModel(
    string Name, bool IsLocal, int? MemoryMib, IReadOnlyList<string> Plans, bool IsRetired, IReadOnlyList<CatalogRoute> Routes, IReadOnlyList<CatalogPrice> Prices);

/// <summary>Who answers calls to a model, from and until a moment.</summary>
/// <param name="Position">Of several routes in force, the one with the lowest position is tried first.</param>
/// <param name="GatewayModel">LiteLLM's prefix and the provider's id of the model: <c>openai/gpt-6-sol</c>.</param>
/// <param name="Endpoint">Another address of the provider; null: the usual one.</param>
/// <param name="Health">null: not in force, or not checked yet.</param>
public sealed record CatalogRoute(
    Guid Id, int Position, string Provider, string GatewayModel, string? Endpoint, DateTimeOffset EffectiveFrom, DateTimeOffset? EffectiveTo, RouteHealth? Health)
{
    public bool IsInForce(DateTimeOffset at) => EffectiveFrom <= at && (EffectiveTo is null || EffectiveTo > at);
}

/// <summary>Whether a route answers.</summary>
/// <param name="State">ready, missing, unreachable, no_key, too_large or not_checked.</param>
/// <param name="Since">Since when the state is this one.</param>
public sealed record RouteHealth(string State, string? Reason, DateTimeOffset Since, DateTimeOffset CheckedAt);

/// <summary>Prices of a model from a moment on, in EUR per 1,000 tokens, six decimals. A kind without a price costs what its total costs.</summary>
/// <param name="EurPerImage">EUR; null: pictures cost nothing beyond their tokens.</param>
/// <param name="Source">Where the price comes from, and when it was read there.</param>
public sealed record CatalogPrice(
    DateTimeOffset EffectiveFrom, decimal PromptEurPerThousand, decimal CompletionEurPerThousand, decimal? CachedPromptEurPerThousand = null, decimal? CacheWriteEurPerThousand = null,
    decimal? ReasoningEurPerThousand = null, decimal? AudioEurPerThousand = null, decimal? EurPerImage = null, string? Source = null);
