namespace ControlPlane.Catalog.Models;

/// <summary>Reads models with their routes, prices and plans.</summary>
public static class ModelCatalog
{
    /// <param name="after">Name of the last model of the previous page; null: from the first.</param>
    public static async Task<List<CatalogModel>> ModelsAsync(this Transaction transaction, DateTimeOffset at, string? after, int limit, CancellationToken ct) =>
        await ReadAsync(transaction, at, await transaction.QueryAsync(Names, row => row.GetString(0), ct, after, limit), ct);

    /// <returns>null when there is no such model.</returns>
    public static async Task<CatalogModel?> ModelAsync(this Transaction transaction, string name, DateTimeOffset at, CancellationToken ct) =>
        (await ReadAsync(transaction, at, [name], ct)).FirstOrDefault();

    static async Task<List<CatalogModel>> ReadAsync(Transaction transaction, DateTimeOffset at, List<string> names, CancellationToken ct)
    {
        var routes = (await transaction.QueryAsync(
            Routes,
            row => (Model: row.GetString(0), Route: new CatalogRoute(
                row.GetGuid(1), row.GetInt32(2), row.GetString(3), row.GetString(4), row.Get<string>(5), row.GetFieldValue<DateTimeOffset>(6), row.Get<DateTimeOffset?>(7),
                row.Get<string>(8) is { } state ? new RouteHealth(state, row.Get<string>(9), row.GetFieldValue<DateTimeOffset>(10), row.GetFieldValue<DateTimeOffset>(11)) : null)),
            ct, names.ToArray(), at)).ToLookup(route => route.Model, route => route.Route);
        var prices = (await transaction.QueryAsync(
            Prices,
            row => (Model: row.GetString(0), Price: new CatalogPrice(
                row.GetFieldValue<DateTimeOffset>(1), row.GetDecimal(2), row.GetDecimal(3), row.Get<decimal?>(4), row.Get<decimal?>(5), row.Get<decimal?>(6), row.Get<decimal?>(7),
                row.Get<decimal?>(8), row.Get<string>(9))),
            ct, names.ToArray(), at)).ToLookup(price => price.Model, price => price.Price);
        return await transaction.QueryAsync(
            Models,
            row =>
            {
                var name = row.GetString(0);
                return new CatalogModel(
                    name, row.GetBoolean(1), row.Get<int?>(2), row.GetFieldValue<string[]>(3), routes[name].All(route => route.EffectiveTo <= at), [.. routes[name]], [.. prices[name]]);
            },
            ct, names.ToArray());
    }

    const string Names = "select name from control.model where $1::text is null or name > $1 order by name limit $2";

    const string Models = """
        select m.name, m.is_local, m.memory_mib,
               array(select p.name from control.plan p
                     where p.all_models or exists (select from control.plan_model pm where pm.plan = p.name and pm.model = m.name) order by p.ordinal)
        from control.model m where m.name = any ($1) order by m.name
        """;

    const string Routes = """
        select r.model, r.id, r.position, r.provider, r.gateway_model, r.endpoint, r.effective_from, r.effective_to, h.state, h.reason, h.since, h.checked_at
        from control.model_route r
        left join control.model_route_health h on h.route = r.id and r.effective_from <= $2 and (r.effective_to is null or r.effective_to > $2)
        where r.model = any ($1)
        order by r.model, coalesce(r.effective_to <= $2, false), r.position, r.effective_from, r.id
        """;

    const string Prices = """
        select p.model, p.effective_from, p.prompt_eur_per_1000, p.completion_eur_per_1000, p.cached_prompt_eur_per_1000, p.cache_write_eur_per_1000,
               p.reasoning_eur_per_1000, p.audio_eur_per_1000, p.eur_per_image, p.source
        from control.model_price p
        where p.model = any ($1)
          and not exists (select from control.model_price later where later.model = p.model and later.effective_from > p.effective_from and later.effective_from <= $2)
        order by p.model, p.effective_from
        """;
}
