namespace ControlPlane.Catalog.Models;

/// <summary>Adds a route to a model, now or from a date on.</summary>
public sealed class AddRoute(ControlDatabase database, Clock clock, ModelProviders providers)
{
    public async Task<ChangeModelResult> RunAsync(string model, NewRoute route, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginCatalogChangeAsync(ct);
        var now = clock.GetUtcNow();
        if (await transaction.ModelAsync(model, now, ct) is not { } before)
        {
            return new ChangeModelResult.NotFound();
        }

        var errors = route.Validate(providers, now);
        errors.Check("provider", before.IsLocal == (route.Provider == providers.Local) ? null : before.IsLocal
            ? $"Choose {providers.Local}: {model} is a local model and costs nothing, so calls to it must not reach a provider."
            : $"Choose a provider: {model} is not a local model. Its price would not fit.");
        if (errors.Count > 0)
        {
            return new ChangeModelResult.Invalid(errors);
        }

        if (before.Routes.Count(other => other.EffectiveTo is null || other.EffectiveTo > (route.EffectiveFrom ?? now)) >= NewRoute.MaximumInForce)
        {
            return new ChangeModelResult.Conflict($"{model} has {NewRoute.MaximumInForce} routes already, and gateways try no more. End one of them first.");
        }

        return await InsertAsync(transaction, model, route, now, ct) is { } reason
            ? new ChangeModelResult.Conflict(reason)
            : await transaction.CommitChangeAsync(clock, model, actor, "model.route_added", new { model, route.Provider, route.GatewayModel, route.Endpoint, route.EffectiveFrom }, ct);
    }

    /// <returns>What stands in the way; null: inserted.</returns>
    internal async Task<string?> InsertAsync(Transaction transaction, string model, NewRoute route, DateTimeOffset now, CancellationToken ct)
    {
        var from = route.EffectiveFrom ?? now;
        // The price belongs to the name: under a second name, the same model could have another one.
        if (await transaction.ScalarAsync<string>(FindOther, ct, model, route.GatewayModel, route.Endpoint, from, route.EffectiveTo) is { } other)
        {
            return other == model
                ? $"{model} has this route already at that time. End that one first."
                : $"{route.GatewayModel} is sold as {other} at that time. Two names for one model could have two prices: end that route first, or sell {other}.";
        }

        await transaction.ExecuteAsync(
            Insert, ct, Ids.New(clock), model, route.Provider == providers.Local, route.Position, route.Provider, route.GatewayModel, route.Endpoint, from, route.EffectiveTo);
        return null;
    }

    const string FindOther = """
        select model from control.model_route
        where gateway_model = $2 and (model <> $1 or endpoint is not distinct from $3)
          and (effective_to is null or effective_to > $4) and ($5::timestamptz is null or effective_from < $5)
        order by model limit 1
        """;

    const string Insert = """
        insert into control.model_route (id, model, is_local, position, provider, gateway_model, endpoint, effective_from, effective_to)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """;
}
