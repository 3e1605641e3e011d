using System.Globalization;
using System.Text.Json;

namespace ControlPlane.DataPlane;

/// <summary>Open WebUI's environment variables, by plan. Persistent configuration is off, or it would ignore them after its first start.</summary>
sealed class OpenWebuiSettings(TenantEnvironment environment, DataPlaneOptions options)
{
    const string Gateway = "http://litellm:4000/v1";

    public Dictionary<string, string> All(string databaseUrl) =>
        General().Concat(Chosen()).Concat(Upstream()).Concat(Storage(databaseUrl)).Concat(Features()).Concat(Egress()).ToDictionary();

    Dictionary<string, string> General() => new()
    {
        ["ENABLE_PERSISTENT_CONFIG"] = "False",
        ["WEBUI_NAME"] = ComposeServices.Escape(environment.Organization),
        ["WEBUI_URL"] = environment.Url.GetLeftPart(UriPartial.Authority),
        ["CORS_ALLOW_ORIGIN"] = environment.Url.GetLeftPart(UriPartial.Authority),
        ["WEBUI_SECRET_KEY"] = "${WEBUI_SECRET_KEY}",
        ["WEBUI_ADMIN_EMAIL"] = ComposeServices.Escape(environment.OwnerEmail ?? $"admin@{environment.Address}"),
        ["WEBUI_ADMIN_PASSWORD"] = "${ADMIN_PASSWORD}",
        ["WEBUI_ADMIN_NAME"] = "Administrator",
        ["JWT_EXPIRES_IN"] = string.Create(CultureInfo.InvariantCulture, $"{options.ChatSession.TotalHours:0}h"),
        // Plug-ins are code that runs in the container, with its credentials and in its networks.
        ["ENABLE_PLUGINS"] = "False",
        ["ENABLE_PIP_INSTALL_FRONTMATTER_REQUIREMENTS"] = "False",
        ["ENABLE_VERSION_UPDATE_CHECK"] = "False",
        // Its models for documents and speech are in the image. It would look for newer ones at each start, and wait for servers that it does not reach.
        ["OFFLINE_MODE"] = "True",
        ["ANONYMIZED_TELEMETRY"] = "False",
        ["DO_NOT_TRACK"] = "True",
        ["SCARF_NO_ANALYTICS"] = "True",
    };

    // What the tenant has chosen in the portal. Accounts that visitors create wait for an administrator.
    Dictionary<string, string> Chosen()
    {
        var settings = new Dictionary<string, string>
        {
            ["ENABLE_SIGNUP"] = OnOff(environment.Chat.Signup),
            ["DEFAULT_USER_ROLE"] = environment.Chat.Signup ? "pending" : "user",
        };
        if (options.Offered(environment).Any(model => model.Name == environment.Chat.DefaultModel))
        {
            settings["DEFAULT_MODELS"] = ComposeServices.Escape(environment.Chat.DefaultModel!);
        }

        if (environment.Chat.Banner is { } banner)
        {
            settings["WEBUI_BANNERS"] = ComposeServices.Escape(JsonSerializer.Serialize(
                new[] { new { id = "organization", type = "info", title = "", content = banner, dismissible = true, timestamp = 0 } }));
        }

        return settings;
    }

    // All calls go through the gateway with its virtual key: the master key could change the tenant's limits.
    static Dictionary<string, string> Upstream() => new()
    {
        ["ENABLE_OLLAMA_API"] = "False",
        ["ENABLE_OPENAI_API"] = "True",
        ["OPENAI_API_BASE_URLS"] = Gateway,
        ["OPENAI_API_KEYS"] = "${LITELLM_VIRTUAL_KEY}",
        ["ENABLE_FORWARD_USER_INFO_HEADERS"] = "True",
        // Otherwise only administrators see models. The gateway offers those of the plan and refuses all others.
        ["BYPASS_MODEL_ACCESS_CONTROL"] = "True",
    };

    static Dictionary<string, string> Storage(string databaseUrl) => new()
    {
        ["DATABASE_URL"] = databaseUrl,
        ["DATABASE_SCHEMA"] = TenantEnvironment.WebuiSchema,
        ["DATABASE_POOL_SIZE"] = "5",
        ["DATABASE_POOL_MAX_OVERFLOW"] = "3",
        ["REDIS_URL"] = "redis://:${REDIS_PASSWORD}@redis:6379/0",
        ["REDIS_KEY_PREFIX"] = "open-webui",
        ["ENABLE_WEBSOCKET_SUPPORT"] = "True",
        ["WEBSOCKET_MANAGER"] = "redis",
        ["WEBSOCKET_REDIS_URL"] = "redis://:${REDIS_PASSWORD}@redis:6379/1",
    };

    Dictionary<string, string> Features()
    {
        var plan = environment.Plan;
        var settings = new Dictionary<string, string>
        {
            ["USER_PERMISSIONS_CHAT_FILE_UPLOAD"] = OnOff(plan.RagFiles != 0),
            ["ENABLE_WEB_SEARCH"] = OnOff(options.SellsWebSearch(plan)),
            ["ENABLE_IMAGE_GENERATION"] = OnOff(options.SellsImages(plan)),
        };
        if (plan.RagFiles is > 0 and var files)
        {
            settings["RAG_FILE_MAX_COUNT"] = files.ToString(CultureInfo.InvariantCulture);
        }

        if (options.SellsWebSearch(plan))
        {
            settings["WEB_SEARCH_ENGINE"] = "external";
            settings["EXTERNAL_WEB_SEARCH_URL"] = ComposeServices.Escape(options.SearchUrl!.AbsoluteUri);
            settings["EXTERNAL_WEB_SEARCH_API_KEY"] = $"${{{SearchKeys.Variable}}}";
            // Without web pages, answers are made of what the search service returns.
            settings["BYPASS_WEB_SEARCH_WEB_LOADER"] = OnOff(!options.WebPagePlans.Contains(plan.Name));
        }

        if (options.SellsImages(plan))
        {
            settings["IMAGE_GENERATION_MODEL"] = ComposeServices.Escape(options.ImageModel!);
            settings["IMAGE_GENERATION_ENGINE"] = "openai";
            settings["IMAGES_OPENAI_API_BASE_URL"] = Gateway;
            settings["IMAGES_OPENAI_API_KEY"] = "${LITELLM_VIRTUAL_KEY}";
        }

        if (options.Qdrant)
        {
            settings["VECTOR_DB"] = "qdrant";
            settings["QDRANT_URI"] = "http://qdrant:6333";
            settings["QDRANT_API_KEY"] = "${QDRANT_API_KEY}";
        }

        return settings;
    }

    // A proxy that only this container uses. Without one there is no way outside.
    Dictionary<string, string> Egress() => !EgressRules.OfOpenWebui(environment, options).Any
        ? []
        : new()
        {
            ["HTTP_PROXY"] = ComposeServices.ProxyUrl(ComposeServices.Egress),
            ["HTTPS_PROXY"] = ComposeServices.ProxyUrl(ComposeServices.Egress),
            ["NO_PROXY"] = options.Qdrant ? "localhost,127.0.0.1,litellm,qdrant" : "localhost,127.0.0.1,litellm",
            ["WEB_SEARCH_TRUST_ENV"] = "True",
        };

    static string OnOff(bool on) => on ? "True" : "False";
}
