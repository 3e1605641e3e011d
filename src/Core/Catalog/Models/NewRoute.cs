using System.Text.RegularExpressions;

namespace ControlPlane.Catalog.Models;

/// <summary>The providers whose models this installation can offer: the gateways know their prefixes, servers and keys.</summary>
/// <param name="Hosts">Name of the server, by provider.</param>
/// <param name="Local">The provider of local models.</param>
/// <param name="LocalPrefixes">LiteLLM's prefixes of local models. Those of the other providers are their names.</param>
public sealed record ModelProviders(IReadOnlyDictionary<string, string> Hosts, string Local, IReadOnlyList<string> LocalPrefixes)
{
    public IEnumerable<string> Prefixes(string provider) => provider == Local ? LocalPrefixes : [provider];
}

/// <summary>A route that an operator adds.</summary>
/// <param name="EffectiveFrom">null: now.</param>
/// <param name="EffectiveTo">null: until it is ended.</param>
public sealed partial record NewRoute(
    string? Provider, string? GatewayModel, string? Endpoint, int Position, DateTimeOffset? EffectiveFrom, DateTimeOffset? EffectiveTo)
{
    /// <summary>LiteLLM falls back five times at most.</summary>
    public const int MaximumInForce = 5;

    public FieldErrors Validate(ModelProviders providers, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        var provider = Provider ?? "";
        var isKnown = provider == providers.Local || providers.Hosts.ContainsKey(provider);
        errors.Check("provider", isKnown ? null : $"Choose one of {string.Join(", ", providers.Hosts.Keys.Append(providers.Local).Order(StringComparer.Ordinal))}.");
        if (isKnown)
        {
            // The prefix decides which server is called with which key, so it cannot be another provider's.
            var prefixes = providers.Prefixes(provider).Select(prefix => $"{prefix}/").ToList();
            errors.Check("gateway_model", GatewayModel is { } model && ModelId().IsMatch(model) && prefixes.Any(prefix => model.StartsWith(prefix, StringComparison.Ordinal))
                ? null : $"Enter {string.Join(" or ", prefixes)} and the provider's id of the model.");
            errors.Check("endpoint", Endpoint is null ? null : ValidateEndpoint(Endpoint, providers.Hosts.GetValueOrDefault(provider)));
        }

        errors.Check("position", Position is >= 1 and <= 100 ? null : "Enter a number from 1 to 100. Routes with lower numbers are tried first.");
        errors.Check("effective_from", CatalogChanges.Validate(EffectiveFrom, now));
        errors.Check("effective_to", EffectiveTo is null || EffectiveTo > (EffectiveFrom ?? now) ? null : "Enter a time after the route's beginning, or leave it out.");
        return errors;
    }

    // The provider's key is sent there.
    static string? ValidateEndpoint(string endpoint, string? host) =>
        host is null ? "Leave it out: local models run on the Ollama of their environment."
        : Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && url is { Scheme: "https", IsDefaultPort: true, UserInfo: "", Query: "", Fragment: "" } && endpoint.Length <= 200 && endpoint.All(c => c is > ' ' and < '\x7f')
            && (url.IdnHost == host || url.IdnHost.EndsWith($".{host}", StringComparison.Ordinal))
            ? null
            : $"Enter an https address of the provider's server, such as https://eu.{host}/v1, or leave it out for the usual one. The provider's key is sent there.";

    [GeneratedRegex(@"\A[a-z_]+/[A-Za-z0-9][A-Za-z0-9._:/@-]{0,149}\z")]
    private static partial Regex ModelId();
}
