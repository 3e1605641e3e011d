using Microsoft.Extensions.Logging;

namespace ControlPlane.Catalog.Models;

/// <summary>Checks the routes in force and stores the results. Routes of models that plans sell and that do not answer are alerts.</summary>
public sealed class CheckModelRoutes(ControlDatabase database, Clock clock, IModelHealth health, ILogger<CheckModelRoutes> log)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var routes = (await ReadAsync(ct)).ToDictionary(route => route.Route.Id);
        var parts = new JobParts(JobSchedules.Health, log);
        var (ready, alerts) = (0L, new List<string>());
        await foreach (var result in health.CheckAsync([.. routes.Values.Select(route => route.Route)], ct))
        {
            var (route, isSold) = routes[result.Route];
            // Not in a transaction with others: results come one after the other, and the last ones late.
            await parts.TryAsync($"store the state of {route.GatewayModel}", tenant: null, () => StoreAsync(result, ct), ct);
            ready += result.State == RouteState.Ready ? 1 : 0;
            if (isSold && result.State is RouteState.Missing or RouteState.Unreachable)
            {
                alerts.Add($"The route {route.GatewayModel} of the model {route.Model} does not answer: {result.Reason}");
            }
        }

        return new JobReport(new Dictionary<string, long> { ["routes_ready"] = ready, ["routes_not_ready"] = routes.Count - ready }, [.. alerts.Order(StringComparer.Ordinal)])
        {
            Failures = parts.Failures,
        };
    }

    async Task<List<(RouteToCheck Route, bool IsSold)>> ReadAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            InForce,
            row => (new RouteToCheck(
                row.GetGuid(0), row.GetString(1), row.GetBoolean(2), row.GetString(3), row.GetString(4), row.Get<string>(5), row.Get<int?>(6)), row.GetBoolean(7)),
            ct, clock.GetUtcNow());
    }

    async Task StoreAsync(CheckedRoute result, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync(Store, ct, result.Route, result.State.Text(), result.Reason, clock.GetUtcNow());
        await transaction.CommitAsync(ct);
    }

    // Plans with all models have an Ollama of their own: what they alone sell need not be on the shared one.
    const string InForce = """
        select r.id, r.model, r.is_local, r.provider, r.gateway_model, r.endpoint, m.memory_mib,
               exists (select from control.plan_model pm where pm.model = r.model) or (not r.is_local and exists (select from control.plan p where p.all_models))
        from control.model_route r join control.model m on m.name = r.model
        where r.effective_from <= $1 and (r.effective_to is null or r.effective_to > $1)
        order by r.model, r.position, r.id
        """;

    // A route may have been removed meanwhile.
    const string Store = """
        insert into control.model_route_health as h (route, state, reason, since, checked_at)
        select r.id, $2, $3, $4, $4 from control.model_route r where r.id = $1
        on conflict (route) do update set
            state = excluded.state, reason = excluded.reason, checked_at = excluded.checked_at, since = case when h.state = excluded.state then h.since else excluded.since end
        """;
}
