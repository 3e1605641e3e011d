using System.Text.RegularExpressions;

namespace ControlPlane.DataPlane;

/// <summary>A server on the internet that may be reached, by name: an address instead of a name, a wildcard or anything else is refused.</summary>
public sealed partial record EgressHost
{
    /// <exception cref="ArgumentException">Not a host name, such as one with spaces, which would add rules to the proxy.</exception>
    public EgressHost(string name, int port = 443, bool tls = true)
    {
        Name = HostName().IsMatch(name) ? name.ToLowerInvariant() : throw new ArgumentException($"\"{name}\" is not the full name of a host: enter a name such as login.example.com.", nameof(name));
        (Port, Tls) = (port, tls);
    }

    public string Name { get; }
    public int Port { get; }
    /// <summary>Whether the client speaks TLS with the server, through a tunnel. Otherwise it sends plain HTTP requests.</summary>
    public bool Tls { get; }

    public static EgressHost Of(Uri url) => new(url.IdnHost, url.Port, url.Scheme == Uri.UriSchemeHttps);

    // The last label begins with a letter, so an IPv4 address does not match.
    [GeneratedRegex(@"^(?=.{1,253}\z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\z", RegexOptions.IgnoreCase)]
    private static partial Regex HostName();
}

/// <summary>A server outside for a client that knows no proxy: it sends its requests to <paramref name="Port"/> of the proxy, which passes them on to <paramref name="Target"/>
/// and nowhere else. The operator names the target, so its address may be private.</summary>
/// <param name="Paths">Regular expression of the paths that are passed on; null: all.</param>
public sealed record EgressRelay(int Port, Uri Target, string? Paths = null);

/// <summary>What one container of an environment may reach outside it. Without a rule it has no egress proxy and reaches nothing.</summary>
/// <param name="WebPages">Any public address on the ports 80 and 443.</param>
public sealed record EgressRules(IReadOnlyList<EgressHost> Hosts, bool WebPages, IReadOnlyList<EgressRelay> Relays)
{
    /// <summary>Port for clients that know proxies.</summary>
    public const int ProxyPort = 3128;

    /// <summary>Port of the relay to the control plane: that of the gateways' entry point on a VPS.</summary>
    public const int ControlPlanePort = 8081;

    public const int OllamaPort = 11434;

    public bool Any => Hosts.Count > 0 || WebPages || Relays.Count > 0;

    /// <summary>What downloads of models reach: libraries send them to servers whose names change.</summary>
    public static EgressRules OfWeights { get; } = new([], WebPages: true, []);

    public static EgressRules OfOpenWebui(TenantEnvironment environment, DataPlaneOptions options) => new(
        [
            .. options.SellsWebSearch(environment.Plan) ? [EgressHost.Of(options.SearchUrl!)] : Array.Empty<EgressHost>(),
            .. environment.IdentityProviderHosts.Select(name => new EgressHost(name)),
        ],
        options.WebPagePlans.Contains(environment.Plan.Name),
        []);

    public static EgressRules OfGateway(TenantEnvironment environment, DataPlaneOptions options)
    {
        var relays = new List<EgressRelay>();
        if (options.IsControlPlaneElsewhere)
        {
            relays.Add(new(ControlPlanePort, options.ControlPlaneUrl, $"^{Regex.Escape(options.ControlPlaneUrl.AbsolutePath.TrimEnd('/'))}/v1/(authorize|usage)$"));
        }

        if (options.IsOllamaElsewhere && !LitellmConfig.HasDedicatedOllama(environment) && options.Offered(environment).Any(model => model.IsLocal))
        {
            relays.Add(new(OllamaPort, options.OllamaUrl));
        }

        return new(
            [.. options.Offered(environment).Where(model => !model.IsLocal).SelectMany(model => model.Routes)
                .Select(route => route.Endpoint ?? options.ProviderUrls.GetValueOrDefault(route.Provider)).OfType<Uri>().Select(EgressHost.Of).Distinct()],
            WebPages: false, relays);
    }
}
