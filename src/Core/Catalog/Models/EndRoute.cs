namespace ControlPlane.Catalog.Models;

/// <summary>Ends a route, now or at a date. A model without a route is retired: its name and prices stay.</summary>
public sealed class EndRoute(ControlDatabase database, Clock clock)
{
    /// <param name="at">null: now.</param>
    public async Task<ChangeModelResult> RunAsync(string model, Guid route, DateTimeOffset? at, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginCatalogChangeAsync(ct);
        var now = clock.GetUtcNow();
        if ((await transaction.ModelAsync(model, now, ct))?.Routes.FirstOrDefault(candidate => candidate.Id == route) is not { } before)
        {
            return new ChangeModelResult.NotFound();
        }

        if (before.EffectiveTo <= now)
        {
            return new ChangeModelResult.Conflict($"The route ended at {before.EffectiveTo:u}. Add it again: POST /v1/admin/models/{model}/routes.");
        }

        if (CatalogChanges.Validate(at, now) is { } error)
        {
            return new ChangeModelResult.Invalid(new FieldErrors { ["at"] = error });
        }

        // One that never was in force is forgotten.
        var end = at ?? now;
        await (end <= before.EffectiveFrom ? transaction.ExecuteAsync(Delete, ct, route) : transaction.ExecuteAsync(End, ct, route, end));
        return await transaction.CommitChangeAsync(clock, model, actor, "model.route_ended", new { model, route, before.GatewayModel, at = end }, ct);
    }

    const string End = "update control.model_route set effective_to = $2 where id = $1";

    const string Delete = "delete from control.model_route where id = $1";
}
