namespace ControlPlane.Tests;

/// <summary>One environment per plan, with the seeded plans and models.</summary>
static class Samples
{
    public static readonly string[] Plans = ["trial", "basic", "premium", "enterprise"];

    public static DataPlaneOptions Options { get; } = new()
    {
        // As on a VPS: through the proxy, which is in the tenant's network.
        ControlPlaneUrl = new("http://traefik:8081"),
        SearchUrl = new("https://search.example.com/v1/search"),
        SearchKey = "value-of-the-signing-key-of-searches",
        ImageModel = "gpt-image-1",
        ProviderKeys = new Dictionary<string, string> { ["openai"] = "sk-platform-openai" },
    };

    public static TenantEnvironment Environment(string plan, string organization = "Beispiel GmbH", string slug = "beispiel-2") => new()
    {
        Tenant = Guid.Parse("01900000-0000-7000-8000-000000000001"),
        Slug = slug,
        Organization = organization,
        Region = "local",
        Address = $"{slug}.users.example.com",
        Url = new($"https://{slug}.users.example.com"),
        OwnerEmail = "owner@example.com",
        Plan = Plan(plan),
        IsApproved = true,
        Models = [.. Models.Where(model => Plan(plan).Models.Contains(model.Name))],
    };

    public static IReadOnlyDictionary<string, string> Secrets { get; } = new Dictionary<string, string>
    {
        [SecretNames.DatabasePassword] = "value-of-database-password",
        [SecretNames.GatewayDatabasePassword] = "value-of-gateway-database-password",
        [SecretNames.WebuiSecretKey] = "value-of-webui-secret",
        [SecretNames.LitellmMasterKey] = "sk-value-of-master",
        [SecretNames.LitellmSaltKey] = "sk-value-of-salt",
        [SecretNames.LitellmVirtualKey] = "sk-value-of-virtual",
        [SecretNames.RedisPassword] = "value-of-redis",
        [SecretNames.AdminPassword] = "value-of-admin",
        [SecretNames.GatewayKey] = "cpt_value-of-gateway",
        [SecretNames.QdrantApiKey] = "value-of-qdrant",
    };

    static Plan Plan(string name) => name switch
    {
        "trial" => CreatePlan(name, "shared CPU Ollama", ["mistral:7b-instruct"], 0, 0, 0, 20, 20_000),
        "basic" => CreatePlan(name, "shared CPU Ollama", ["mistral:7b-instruct", "gemini-3.8-flash"], 5, 100, 0, 60, 50_000),
        "premium" => CreatePlan(name, "GPU", ["mistral:7b-instruct", "gemini-3.8-flash", "gpt-6-sol", "claude-opus-5-5", "gpt-image-1"], null, null, 100, 300, 300_000),
        _ => CreatePlan(name, "dedicated GPU", [.. Models.Select(model => model.Name)], null, null, null, null, null),
    };

    static Plan CreatePlan(string name, string compute, string[] models, int? files, int? searches, int? images, int? requestsPerMinute, int? tokensPerMinute) => new()
    {
        Name = name,
        Title = name,
        SelfService = true,
        AllModels = false,
        Models = models,
        Support = "",
        Compute = compute,
        MonthIsHard = false,
        RagFiles = files,
        WebSearchesPerMonth = searches,
        ImagesPerMonth = images,
        StorageGib = 10,
        ApiAccess = name != "trial",
        RequestsPerMinute = requestsPerMinute,
        TokensPerMinute = tokensPerMinute,
    };

    static readonly GatewayModel[] Models =
    [
        new("llama3:8b", true, 0, 0, 6100, [new("ollama", "ollama_chat/llama3:8b")]),
        new("mistral:7b-instruct", true, 0, 0, 5900, [new("ollama", "ollama_chat/mistral:7b-instruct")]),
        new("claude-opus-5-5", false, 0.004000m, 0.020000m, null, [new("anthropic", "anthropic/claude-opus-5-5")]),
        new("gemini-3.8-flash", false, 0.000750m, 0.003750m, null, [new("gemini", "gemini/gemini-3.8-flash")]),
        // Two routes, tried in this order.
        new("gpt-6-sol", false, 0.002000m, 0.010000m, null, [new("openai", "openai/gpt-6-sol", new("https://eu.api.openai.com/v1")), new("openai", "openai/gpt-6-sol")]),
        new("gpt-image-1", false, 0.005000m, 0.040000m, null, [new("openai", "openai/gpt-image-1")]),
    ];
}
