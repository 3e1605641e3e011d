using Npgsql;

namespace ControlPlane.Catalog;

/// <summary>A plan with its terms at one moment. A limit of null is unlimited; a price of null is agreed with the customer.</summary>
public sealed record Plan
{
    public required string Name { get; init; }
    public required string Title { get; init; }
    /// <summary>Whether the signup form offers it; otherwise an operator creates the tenant.</summary>
    public required bool SelfService { get; init; }
    public required bool AllModels { get; init; }
    /// <summary>What it was sold with, also models that their providers have shut down since.</summary>
    public required IReadOnlyList<string> Models { get; init; }
    /// <summary>Those of <see cref="Models"/> that no route leads to.</summary>
    public IReadOnlyList<string> Retired { get; init; } = [];
    /// <summary>Those that can be called.</summary>
    public IEnumerable<string> Offered => Models.Except(Retired);
    public required string Support { get; init; }
    public required string Compute { get; init; }
    public decimal? PriceEurPerMonth { get; init; }
    public int? TrialDays { get; init; }
    public long? TokensPerDay { get; init; }
    public long? TokensPerMonth { get; init; }
    /// <summary>True: beyond <see cref="TokensPerMonth"/> calls are denied. False: they are billed as overage.</summary>
    public required bool MonthIsHard { get; init; }
    /// <summary>EUR per 1,000 tokens, six decimals.</summary>
    public decimal? OverageEurPerThousand { get; init; }
    /// <summary>0: none.</summary>
    public int? RagFiles { get; init; }
    public int? WebSearchesPerMonth { get; init; }
    public int? ImagesPerMonth { get; init; }
    /// <summary>What an environment may store on disk.</summary>
    public required int StorageGib { get; init; }
    /// <summary>Whether its tenants may have weights of their own, in their dedicated Ollama.</summary>
    public bool CustomWeights { get; init; }

    /// <summary>Whether it includes an Ollama that no other tenant uses.</summary>
    public bool HasDedicatedOllama => Compute.StartsWith("dedicated", StringComparison.OrdinalIgnoreCase);
    /// <summary>Whether environments have an OpenAI-compatible API for the tenant's own applications.</summary>
    public bool ApiAccess { get; init; }
    /// <summary>Calls that a gateway lets pass within a minute.</summary>
    public int? RequestsPerMinute { get; init; }
    /// <summary>Tokens that calls use within a minute, estimated until they are known.</summary>
    public int? TokensPerMinute { get; init; }
}

/// <summary>Reads plans with the terms in force at a moment.</summary>
public static class PlanCatalog
{
    /// <summary>All plans, in display order.</summary>
    public static Task<List<Plan>> PlansAsync(this Transaction transaction, DateTimeOffset at, CancellationToken ct) =>
        transaction.QueryAsync($"{Select} order by p.ordinal", Read, ct, at);

    /// <returns>null when there is no such plan.</returns>
    public static Task<Plan?> PlanAsync(this Transaction transaction, string name, DateTimeOffset at, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} where p.name = $2", Read, ct, at, name);

    static Plan Read(NpgsqlDataReader row) => new()
    {
        Name = row.GetString(0),
        Title = row.GetString(1),
        SelfService = row.GetBoolean(2),
        AllModels = row.GetBoolean(3),
        Support = row.GetString(4),
        Compute = row.GetString(5),
        PriceEurPerMonth = row.Get<decimal?>(6),
        TrialDays = row.Get<int?>(7),
        TokensPerDay = row.Get<long?>(8),
        TokensPerMonth = row.Get<long?>(9),
        MonthIsHard = row.GetBoolean(10),
        OverageEurPerThousand = row.Get<decimal?>(11),
        RagFiles = row.Get<int?>(12),
        WebSearchesPerMonth = row.Get<int?>(13),
        ImagesPerMonth = row.Get<int?>(14),
        Models = row.GetFieldValue<string[]>(15),
        StorageGib = row.GetInt32(16),
        Retired = row.GetFieldValue<string[]>(17),
        CustomWeights = row.GetBoolean(18),
        ApiAccess = row.GetBoolean(19),
        RequestsPerMinute = row.Get<int?>(20),
        TokensPerMinute = row.Get<int?>(21),
    };

    const string Select = """
        select p.name, p.title, p.self_service, p.all_models, p.support, p.compute,
               t.price_eur_per_month, t.trial_days, t.tokens_per_day, t.tokens_per_month, t.month_is_hard, t.overage_eur_per_1000,
               t.rag_files, t.web_searches_per_month, t.images_per_month,
               case when p.all_models then array(select m.name from control.model m order by m.is_local desc, m.name)
                    else array(select pm.model from control.plan_model pm join control.model m on m.name = pm.model
                               where pm.plan = p.name order by m.is_local desc, m.name) end,
               p.storage_gib,
               array(select m.name from control.model m
                     where (p.all_models or exists (select from control.plan_model pm where pm.plan = p.name and pm.model = m.name))
                       and not exists (select from control.model_route r where r.model = m.name and r.effective_from <= $1 and (r.effective_to is null or r.effective_to > $1))),
               p.custom_weights, p.api_access, t.requests_per_minute, t.tokens_per_minute
        from control.plan p
        join lateral (select * from control.plan_terms pt where pt.plan = p.name and pt.effective_from <= $1
                      order by pt.effective_from desc limit 1) t on true
        """;
}
