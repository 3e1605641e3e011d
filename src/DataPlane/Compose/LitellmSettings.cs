using System.Globalization;

namespace ControlPlane.DataPlane.Compose;

/// <summary>The environment variables of the gateway: LiteLLM's, and those of the budget hook.</summary>
sealed class LitellmSettings(TenantEnvironment environment, DataPlaneOptions options)
{
    /// <summary>The longest answer of a shared Ollama, which takes minutes without a GPU. Those of tenants that are not approved keep a place for a quarter of the time.</summary>
    const int LocalMaxTokens = 2048, UnapprovedLocalMaxTokens = 512;

    /// <param name="databaseUrl">Of the login that owns its schema.</param>
    public Dictionary<string, string> All(string databaseUrl)
    {
        var variables = new Dictionary<string, string>
        {
            ["LITELLM_MASTER_KEY"] = "${LITELLM_MASTER_KEY}",
            ["LITELLM_SALT_KEY"] = "${LITELLM_SALT_KEY}",
            ["LITELLM_VIRTUAL_KEY"] = "${LITELLM_VIRTUAL_KEY}",
            ["DATABASE_URL"] = $"{databaseUrl}?schema={TenantEnvironment.GatewaySchema}",
            ["REDIS_HOST"] = "redis",
            ["REDIS_PORT"] = "6379",
            ["REDIS_PASSWORD"] = "${REDIS_PASSWORD}",
            // Settings of budget_hook.py.
            ["CONTROLPLANE_URL"] = ComposeServices.Escape(ControlPlaneUrl()),
            ["CONTROLPLANE_KEY"] = "${GATEWAY_KEY}",
            ["BUDGET_SPOOL_DIR"] = "/var/spool/budget",
            // The hook refuses media that are not data: URLs. With this, LiteLLM fetches no other URL either.
            ["MAX_IMAGE_URL_DOWNLOAD_SIZE_MB"] = "0",
            // Otherwise it downloads a list of prices at each start.
            ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True",
            ["STORE_MODEL_IN_DB"] = "False",
            ["DISABLE_ADMIN_UI"] = "True",
            ["NO_DOCS"] = "True",
            // The only folder besides the spool that the gateway writes to.
            ["LITELLM_MIGRATION_DIR"] = "/tmp/migrations",
        };
        foreach (var (limit, maximum) in ((string, int?)[])[("REQUESTS", environment.Plan.RequestsPerMinute), ("TOKENS", environment.Plan.TokensPerMinute)])
        {
            if (maximum is { } perMinute)
            {
                variables[$"BUDGET_{limit}_PER_MINUTE"] = perMinute.ToString(CultureInfo.InvariantCulture);
            }
        }

        var local = options.Offered(environment).Where(model => model.IsLocal).Select(model => model.Name).ToArray();
        if (local.Length > 0)
        {
            variables["BUDGET_LOCAL_MODELS"] = ComposeServices.Escape(string.Join(',', local));
            variables["BUDGET_LOCAL_CALLS"] = LocalCalls().ToString(CultureInfo.InvariantCulture);
            if (!LitellmConfig.HasDedicatedOllama(environment))
            {
                variables["BUDGET_LOCAL_MAX_TOKENS"] = (environment.IsApproved ? LocalMaxTokens : UnapprovedLocalMaxTokens).ToString(CultureInfo.InvariantCulture);
            }
        }

        if (EgressRules.OfGateway(environment, options).Hosts.Count > 0)
        {
            // Providers speak TLS, so everything in the environment's own networks is reached without the proxy.
            variables["HTTPS_PROXY"] = ComposeServices.ProxyUrl(ComposeServices.GatewayEgress);
            variables["AIOHTTP_TRUST_ENV"] = "True";
        }

        foreach (var provider in options.Offered(environment).Where(model => !model.IsLocal).SelectMany(model => model.Routes).Select(route => route.Provider).Distinct())
        {
            var variable = DataPlaneOptions.ProviderVariable(provider);
            variables[variable] = $"${{{variable}}}";
        }

        return variables;
    }

    // The hook knows no proxies, so where the control plane is outside, the proxy's relay is its address.
    string ControlPlaneUrl() => (options.IsControlPlaneElsewhere
        ? string.Create(CultureInfo.InvariantCulture, $"http://{ComposeServices.GatewayEgress}:{EgressRules.ControlPlanePort}{options.ControlPlaneUrl.AbsolutePath}")
        : options.ControlPlaneUrl.GetLeftPart(UriPartial.Path)).TrimEnd('/');

    /// <summary>How many calls of a tenant may occupy an Ollama at the same time, so that those of other tenants do not wait for them.</summary>
    int LocalCalls() => LitellmConfig.HasDedicatedOllama(environment) ? 16 : environment.IsApproved && environment.Plan.Name != "trial" ? 2 : 1;
}
