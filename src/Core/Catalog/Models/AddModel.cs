using System.Text.RegularExpressions;

namespace ControlPlane.Catalog.Models;

/// <summary>A model that an operator adds to the catalog.</summary>
/// <param name="MemoryMib">Of a local model: what Ollama needs to run it.</param>
/// <param name="Plans">That include it; a plan with all models includes it in any case.</param>
public sealed record NewModel(string? Name, int? MemoryMib, NewRoute Route, NewPrice Price, IReadOnlyList<string> Plans);

/// <summary>Adds a model with its first route and price.</summary>
public sealed partial class AddModel(ControlDatabase database, Clock clock, ModelProviders providers, AddRoute addRoute)
{
    public async Task<ChangeModelResult> RunAsync(NewModel model, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginCatalogChangeAsync(ct);
        var now = clock.GetUtcNow();
        var errors = await ValidateAsync(transaction, model, now, ct);
        if (errors.Count > 0)
        {
            return new ChangeModelResult.Invalid(errors);
        }

        var name = model.Name!;
        if (await transaction.ExecuteAsync(Insert, ct, name, model.Route.Provider, model.Route.Provider == providers.Local, model.Route.GatewayModel, model.MemoryMib) == 0)
        {
            return new ChangeModelResult.Conflict($"There is a model {name} already. Add a route to it: POST /v1/admin/models/{name}/routes.");
        }

        if (await addRoute.InsertAsync(transaction, name, model.Route, now, ct) is { } reason)
        {
            return new ChangeModelResult.Conflict(reason);
        }

        await SetPrice.InsertAsync(transaction, name, model.Price, model.Price.EffectiveFrom ?? model.Route.EffectiveFrom ?? now, ct);
        await SetPlans.InsertAsync(transaction, name, model.Plans, ct);
        return await transaction.CommitChangeAsync(
            clock, name, actor, "model.added", new { model = name, model.Route.Provider, model.Route.GatewayModel, model.Route.EffectiveFrom, model.Plans }, ct);
    }

    async Task<FieldErrors> ValidateAsync(Transaction transaction, NewModel model, DateTimeOffset now, CancellationToken ct)
    {
        var errors = model.Route.Validate(providers, now);
        var isLocal = model.Route.Provider == providers.Local;
        errors.Check("name", model.Name is { } name && Name().IsMatch(name) ? null : "Enter 1 to 100 letters, digits, dots, colons, hyphens or underscores, beginning with a letter or digit.");
        errors.Check("memory_mib", model.MemoryMib is null || (isLocal && model.MemoryMib is > 0 and <= 16_777_216)
            ? null : "Enter the memory that Ollama needs in MiB, for a local model only.");
        foreach (var (field, error) in model.Price.Validate(isLocal, now))
        {
            errors.Check($"price.{field}", error);
        }

        // A call that is reported before the first price would be held as one of an unknown model.
        errors.Check("price.effective_from", model.Price.EffectiveFrom > (model.Route.EffectiveFrom ?? now) ? "Leave it out: the first price applies from the first route on." : null);
        errors.Check("plans", await SetPlans.ValidateAsync(transaction, model.Plans, ct));
        return errors;
    }

    // No comma, which separates models in requests and settings, no slash, which separates the prefix of a route, and no asterisk, which LiteLLM takes for any model.
    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\z")]
    private static partial Regex Name();

    const string Insert = "insert into control.model (name, provider, is_local, gateway_model, memory_mib) values ($1, $2, $3, $4, $5) on conflict do nothing";
}
