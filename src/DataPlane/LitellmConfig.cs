namespace ControlPlane.DataPlane;

/// <summary>The gateway's <c>config.yaml</c>: the plan's models at our prices, and the hook that enforces budgets and reports usage. Contains no secrets.</summary>
static class LitellmConfig
{
    public static string Render(TenantEnvironment environment, DataPlaneOptions options) => Yaml.Write(new Dictionary<string, object>
    {
        ["model_list"] = options.Offered(environment)
            .SelectMany(model => Routes(model, OllamaUrl(environment, options), isImageModel: model.Name == options.ImageModel)).ToArray(),
        ["litellm_settings"] = new Dictionary<string, object>
        {
            ["callbacks"] = new List<string> { "budget_hook.handler" },
            // Prompts and responses are not logged; the hook reports usage only.
            ["turn_off_message_logging"] = true,
            // A client could otherwise ask LiteLLM with "no-log" not to call the hook that reports usage.
            ["global_disable_no_log_param"] = true,
            // One authorization, one call: providers charge for each attempt. Clients repeat failed calls themselves. Only the other routes of the model are tried.
            ["num_retries"] = 0,
            ["request_timeout"] = 600,
            ["drop_params"] = true,
            ["cache"] = true,
            // Responses are cached only on request: users expect a new answer when they ask again.
            ["cache_params"] = new Dictionary<string, object>
            {
                ["type"] = "redis",
                ["host"] = "os.environ/REDIS_HOST",
                ["port"] = "os.environ/REDIS_PORT",
                ["password"] = "os.environ/REDIS_PASSWORD",
                ["mode"] = "default_off",
            },
        },
        // The router has defaults of its own for these.
        ["router_settings"] = new Dictionary<string, object> { ["num_retries"] = 0, ["timeout"] = 600, ["cooldown_time"] = RouteCooldownSeconds },
        ["general_settings"] = new Dictionary<string, object>
        {
            ["master_key"] = "os.environ/LITELLM_MASTER_KEY",
            ["database_url"] = "os.environ/DATABASE_URL",
            ["database_connection_pool_limit"] = 5,
            ["user_header_mappings"] = new[]
            {
                new Dictionary<string, string> { ["header_name"] = "X-OpenWebUI-User-Id", ["litellm_user_role"] = "internal_user" },
            },
        },
    });

    /// <summary>Whether the plan includes a dedicated Ollama.</summary>
    public static bool HasDedicatedOllama(TenantEnvironment environment) => environment.Plan.HasDedicatedOllama;

    static Uri OllamaUrl(TenantEnvironment environment, DataPlaneOptions options) =>
        HasDedicatedOllama(environment) ? new Uri($"http://{ComposeServices.DedicatedOllama}:{EgressRules.OllamaPort}")
        : options.IsOllamaElsewhere ? new Uri($"http://{ComposeServices.GatewayEgress}:{EgressRules.OllamaPort}")
        : options.OllamaUrl;

    /// <summary>How long calls go to the other routes after one has failed. LiteLLM decides when that is, and never leaves out a model's only route because it is busy.</summary>
    const int RouteCooldownSeconds = 30;

    // Entries with the same name are one model for LiteLLM. It calls those of the lowest order, and the next ones when they fail or cool down.
    static IEnumerable<Dictionary<string, object>> Routes(GatewayModel model, Uri ollama, bool isImageModel) =>
        model.Routes.Select((route, i) => Route(model, route, model.Routes.Count > 1 ? i + 1 : null, ollama, isImageModel));

    static Dictionary<string, object> Route(GatewayModel model, GatewayRoute route, int? order, Uri ollama, bool isImageModel)
    {
        var parameters = new Dictionary<string, object> { ["model"] = route.Model };
        if (model.IsLocal)
        {
            parameters["api_base"] = ollama.GetLeftPart(UriPartial.Authority);
        }
        else
        {
            parameters["api_key"] = $"os.environ/{DataPlaneOptions.ProviderVariable(route.Provider)}";
            if (route.Endpoint is { } endpoint)
            {
                parameters["api_base"] = endpoint.AbsoluteUri;
            }
        }

        if (order is { } number)
        {
            parameters["order"] = number;
        }

        parameters["input_cost_per_token"] = PerToken(model.PromptEurPerThousand);
        parameters["output_cost_per_token"] = PerToken(model.CompletionEurPerThousand);
        var entry = new Dictionary<string, object> { ["model_name"] = model.Name, ["litellm_params"] = parameters };
        if (isImageModel)
        {
            entry["model_info"] = new Dictionary<string, string> { ["mode"] = "image_generation" };
        }

        return entry;
    }

    /// <summary>EUR per token. The second division only removes trailing zeros.</summary>
    static decimal PerToken(decimal eurPerThousand) => eurPerThousand / 1000m / 1.0000000000000000000m;
}
