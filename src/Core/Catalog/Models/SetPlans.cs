namespace ControlPlane.Catalog.Models;

/// <summary>Says which plans include a model. Plans with all models include it in any case.</summary>
public sealed class SetPlans(ControlDatabase database, Clock clock)
{
    public async Task<ChangeModelResult> RunAsync(string model, IReadOnlyList<string>? plans, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginCatalogChangeAsync(ct);
        if (await transaction.ModelAsync(model, clock.GetUtcNow(), ct) is null)
        {
            return new ChangeModelResult.NotFound();
        }

        if (await ValidateAsync(transaction, plans, ct) is { } error)
        {
            return new ChangeModelResult.Invalid(new FieldErrors { ["plans"] = error });
        }

        await transaction.ExecuteAsync("delete from control.plan_model where model = $1 and plan <> all ($2)", ct, model, plans!.ToArray());
        await InsertAsync(transaction, model, plans!, ct);
        return await transaction.CommitChangeAsync(clock, model, actor, "model.plans_set", new { model, plans }, ct);
    }

    internal static async Task<string?> ValidateAsync(Transaction transaction, IReadOnlyList<string>? plans, CancellationToken ct)
    {
        var known = await transaction.QueryAsync("select name from control.plan where not all_models order by ordinal", row => row.GetString(0), ct);
        return plans?.All(known.Contains) == true ? null : $"Enter a list of plans, from {string.Join(", ", known)}. Plans with all models include it in any case.";
    }

    internal static Task<int> InsertAsync(Transaction transaction, string model, IReadOnlyList<string> plans, CancellationToken ct) =>
        transaction.ExecuteAsync("insert into control.plan_model (plan, model) select distinct plan, $1 from unnest($2::text[]) plan on conflict do nothing", ct, model, plans.ToArray());
}
