using ControlPlane.Accounts.Tenants;
using ControlPlane.Catalog;

namespace ControlPlane.Provisioning;

/// <summary>A model that the tenant's gateway offers.</summary>
/// <param name="PromptEurPerThousand">EUR per 1,000 tokens, six decimals.</param>
/// <param name="MemoryMib">What Ollama needs to run it; null: not known, or not local.</param>
/// <param name="Routes">In the order in which they are tried. Those of a local model all lead to the environment's Ollama.</param>
public sealed record GatewayModel(
    string Name, bool IsLocal, decimal PromptEurPerThousand, decimal CompletionEurPerThousand, int? MemoryMib, IReadOnlyList<GatewayRoute> Routes);

/// <param name="Model">Provider prefix and model name of LiteLLM: <c>openai/gpt-6-sol</c>.</param>
/// <param name="Endpoint">null: the provider's usual address, or the environment's Ollama.</param>
public sealed record GatewayRoute(string Provider, string Model, Uri? Endpoint = null)
{
    /// <summary>What its provider calls the model.</summary>
    public string ProviderName => Model[(Model.IndexOf('/', StringComparison.Ordinal) + 1)..];
}

/// <summary>The desired state of a tenant's environment, without secrets. The data plane renders it.</summary>
public sealed record TenantEnvironment
{
    public required Guid Tenant { get; init; }
    public required string Slug { get; init; }
    /// <summary>What an environment of a release up to 0.2 is named by: the slug that its tenant had. null: it is named by the tenant's id.</summary>
    public string? FormerName { get; init; }
    /// <summary>What its folders, containers, volumes and networks are named by. Never used for another tenant, unlike a slug.</summary>
    public string Name => FormerName ?? Tenant.ToString();
    public required string Organization { get; init; }
    /// <summary>Where its data belongs.</summary>
    public required string Region { get; init; }
    /// <summary>Its host name.</summary>
    public required string Address { get; init; }
    /// <summary>The host name of its API, if its plan has one.</summary>
    public string ApiAddress => ApiAddressOf(Address);
    /// <summary>The address with the scheme of the portal.</summary>
    public required Uri Url { get; init; }
    /// <summary>Becomes its first administrator. null after the member was removed.</summary>
    public required string? OwnerEmail { get; init; }
    public required Plan Plan { get; init; }
    /// <summary>Of the tenant: <see cref="TenantApproval"/>. One that is not approved uses less of what all environments share.</summary>
    public bool IsApproved { get; init; }
    public required IReadOnlyList<GatewayModel> Models { get; init; }

    public ChatSettings Chat { get; init; } = new();

    /// <summary>Names of the servers that users sign in to Open WebUI with. It reaches them besides what the plan includes.</summary>
    public IReadOnlyList<string> IdentityProviderHosts { get; init; } = [];

    /// <summary>The database on the environment's own server.</summary>
    public const string DatabaseName = "environment";

    /// <summary>Open WebUI's schema in it, and the login that owns it.</summary>
    public const string WebuiSchema = "open_webui";

    /// <summary>
    /// The gateway's own schema and login, whose keys and budgets Open WebUI's administrators must not reach. Besides, its migration tool treats every table it finds
    /// as its own, and drops those it does not know.
    /// </summary>
    public const string GatewaySchema = "litellm";

    /// <summary>The host name of an environment's API.</summary>
    public static string ApiAddressOf(string address) => $"api.{address}";

    /// <exception cref="InvalidOperationException">No such environment, or a plan that is no longer sold.</exception>
    public static async Task<TenantEnvironment> ReadAsync(
        Transaction transaction, ControlPlaneOptions options, Guid tenant, DateTimeOffset at, CancellationToken ct)
    {
        var found = await transaction.FirstAsync(
            Select,
            row => new
            {
                Slug = row.GetString(0),
                Organization = row.GetString(1),
                Region = row.GetString(2),
                Plan = row.GetString(3),
                Owner = row.Get<string>(4),
                IsApproved = row.GetBoolean(5),
                FormerName = row.Get<string>(6),
            },
            ct, tenant)
            ?? throw new InvalidOperationException($"There is no environment of tenant {tenant}.");
        var plan = await transaction.PlanAsync(found.Plan, at, ct)
            ?? throw new InvalidOperationException($"The plan {found.Plan} has no terms in force at {at:u}.");
        return new TenantEnvironment
        {
            Tenant = tenant,
            Slug = found.Slug,
            FormerName = found.FormerName,
            Organization = found.Organization,
            Region = found.Region,
            Address = options.AddressOf(found.Slug),
            Url = new Uri($"{options.PublicUrl.Scheme}://{options.AddressOf(found.Slug)}"),
            OwnerEmail = found.Owner,
            Plan = plan,
            IsApproved = found.IsApproved,
            Models = [.. await ReadModelsAsync(transaction, plan, at, ct), .. plan.CustomWeights ? await transaction.OwnModelsAsync(tenant, ct) : []],
            Chat = await transaction.ChatSettingsAsync(tenant, ct),
        };
    }

    static async Task<IReadOnlyList<GatewayModel>> ReadModelsAsync(Transaction transaction, Plan plan, DateTimeOffset at, CancellationToken ct)
    {
        var rows = await transaction.QueryAsync(
            SelectModels,
            row => (
                Model: new GatewayModel(row.GetString(0), row.GetBoolean(1), row.GetDecimal(2), row.GetDecimal(3), row.Get<int?>(4), []),
                Route: new GatewayRoute(row.GetString(5), row.GetString(6), row.Get<string>(7) is { } endpoint ? new Uri(endpoint) : null)),
            ct, plan.Models.ToArray(), at);
        return [.. rows.GroupBy(row => row.Model.Name).Select(model => model.First().Model with { Routes = [.. model.Select(row => row.Route)] })];
    }

    const string Select = $"""
        select t.slug, t.organization, t.region, coalesce(s.plan, t.requested_plan),
               (select m.email from control.member m where m.tenant_id = t.id and m.role = 'owner' order by m.created_at limit 1), {TenantApproval.IsApproved}, e.former_name
        from control.tenant t join control.environment e on e.tenant_id = t.id left join control.subscription s on s.tenant_id = t.id
        where t.id = $1
        """;

    // A model that costs money is not offered without a price.
    const string SelectModels = """
        select m.name, m.is_local, p.prompt_eur_per_1000, p.completion_eur_per_1000, m.memory_mib, r.provider, r.gateway_model, r.endpoint
        from control.model m
        join control.model_route r on r.model = m.name and r.effective_from <= $2 and (r.effective_to is null or r.effective_to > $2)
        join lateral (select * from control.model_price mp where mp.model = m.name and mp.effective_from <= $2
                      order by mp.effective_from desc limit 1) p on true
        where m.name = any ($1) and (m.is_local or greatest(p.prompt_eur_per_1000, p.completion_eur_per_1000, p.eur_per_image) > 0)
        order by m.is_local desc, m.name, r.position, r.effective_from, r.id
        """;
}
