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
        "trial" => CreatePlan(name, "shared CPU Ollama", ["mistral:7b-instruct"], 0, 0, 0),
        "basic" => CreatePlan(name, "shared CPU Ollama", ["mistral:7b-instruct", "gemini-pro"], 5, 100, 0),
        "premium" => CreatePlan(name, "GPU", ["mistral:7b-instruct", "gemini-1.5-pro", "gpt-4-turbo", "claude-3-opus", "gpt-image-1"], null, null, 100),
        _ => CreatePlan(name, "dedicated GPU", [.. Models.Select(model => model.Name)], null, null, null),
    };

    static Plan CreatePlan(string name, string compute, string[] models, int? files, int? searches, int? images) => new()
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
    };

    static readonly GatewayModel[] Models =
    [
        new("llama3:8b", "ollama", true, "ollama_chat/llama3:8b", 0, 0),
        new("mistral:7b-instruct", "ollama", true, "ollama_chat/mistral:7b-instruct", 0, 0),
        new("claude-3-opus", "anthropic", false, "anthropic/claude-3-opus", 0.015000m, 0.015000m),
        new("gemini-1.5-pro", "gemini", false, "gemini/gemini-1.5-pro", 0.003500m, 0.003500m),
        new("gemini-pro", "gemini", false, "gemini/gemini-pro", 0.000500m, 0.000500m),
        new("gpt-4-turbo", "openai", false, "openai/gpt-4-turbo", 0.010000m, 0.010000m),
        new("gpt-image-1", "openai", false, "openai/gpt-image-1", 0.005000m, 0.040000m),
    ];
}
