namespace ControlPlane.DataPlane.Compose;

/// <summary>
/// The proxy's route to the tenant's own API: the gateway's paths that are sold. For each call the proxy asks the control plane whose key it has, and passes it on with that
/// key's user and the gateway's virtual key, in place of everything that the caller says about itself. So the gateway needs no keys of the API.
/// </summary>
static class ApiRoute
{
    /// <summary>What the gateway's virtual key may call, too (create_virtual_key.py).</summary>
    static readonly string[] Paths = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/images/generations", "/v1/models"];

    /// <summary>
    /// Headers that are removed unless the control plane's answer has them: all but Accept…, Access-Control-…, Cache-Control and Content-…, by their first letters, because
    /// Go's regular expressions have no negation. Connection is not among them: it can name other headers, which the proxy would then remove. Names arrive in canonical form.
    /// </summary>
    public const string ReplacedHeaders = "^([^AC]|A[^c]|C[^ao]|Co[^n]|Con[^t])";

    /// <summary>Calls per second of one client address, and how many at once, before its keys are looked up.</summary>
    const string RatePerSecond = "20", Burst = "100";

    /// <summary>Bytes of the control plane's answer, which is empty or an error.</summary>
    const string LargestAnswer = "4096";

    /// <param name="network">Name of the network that the proxy shares with the gateway.</param>
    /// <returns>Labels of the gateway's container; none if the plan has no API.</returns>
    public static Dictionary<string, string> Labels(TenantEnvironment environment, DataPlaneOptions options, string network)
    {
        if (!environment.Plan.ApiAccess)
        {
            return [];
        }

        var name = $"{ComposeRendering.ProjectName(environment.Name)}-api";
        var router = $"traefik.http.routers.{name}";
        var (rate, key, identity) = ($"traefik.http.middlewares.{name}-rate", $"traefik.http.middlewares.{name}-key", $"traefik.http.middlewares.{name}-identity");
        var isHttps = environment.Url.Scheme == Uri.UriSchemeHttps;
        var labels = new Dictionary<string, string>
        {
            ["traefik.enable"] = "true",
            ["traefik.docker.network"] = network,
            [$"{router}.rule"] = $"Host(`{environment.ApiAddress}`) && ({string.Join(" || ", Paths.Select(path => $"Path(`{path}`)"))})",
            [$"{router}.entrypoints"] = isHttps ? "websecure" : "web",
            [$"{router}.middlewares"] = $"{name}-rate,{name}-key,{name}-identity",
            [$"traefik.http.services.{name}.loadbalancer.server.port"] = "4000",
            [$"{rate}.ratelimit.average"] = RatePerSecond,
            [$"{rate}.ratelimit.burst"] = Burst,
            [$"{key}.forwardauth.address"] = ComposeServices.Escape(options.KeyCheckUrlOf(environment.Tenant)),
            [$"{key}.forwardauth.authrequestheaders"] = "Authorization",
            [$"{key}.forwardauth.authresponseheadersregex"] = ReplacedHeaders,
            [$"{key}.forwardauth.trustforwardheader"] = "false",
            [$"{key}.forwardauth.maxresponsebodysize"] = LargestAnswer,
            [$"{identity}.headers.customrequestheaders.Authorization"] = "Bearer ${LITELLM_VIRTUAL_KEY}",
        };
        if (isHttps)
        {
            labels[$"{router}.tls.certresolver"] = options.CertificateResolver;
        }

        return labels;
    }
}
