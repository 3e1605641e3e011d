namespace ControlPlane.Catalog.Models;

/// <summary>The outcome of a change of the catalog.</summary>
public abstract record ChangeModelResult
{
    /// <param name="Model">As it is now.</param>
    public sealed record Done(CatalogModel Model) : ChangeModelResult;
    public sealed record Invalid(FieldErrors Errors) : ChangeModelResult;
    /// <param name="Reason">Says what stands in the way, and what to do instead.</param>
    public sealed record Conflict(string Reason) : ChangeModelResult;
    public sealed record NotFound : ChangeModelResult;
}

static class CatalogChanges
{
    /// <summary>Begins a change of the catalog. One at a time, because routes of different models must not be the same.</summary>
    public static async Task<Transaction> BeginCatalogChangeAsync(this ControlDatabase database, CancellationToken ct)
    {
        var transaction = await database.BeginJobAsync(ct);
        try
        {
            await transaction.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('control.model_route', 0))", ct);
            return transaction;
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    /// <summary>Records the change, commits it, and returns the model as it is now.</summary>
    public static async Task<ChangeModelResult> CommitChangeAsync(
        this Transaction transaction, TimeProvider clock, string model, string actor, string action, object detail, CancellationToken ct)
    {
        await transaction.AuditAsync(clock, null, actor, action, detail, ct);
        var changed = await transaction.ModelAsync(model, clock.GetUtcNow(), ct)
            ?? throw new InvalidOperationException($"The model {model} was changed, but does not exist.");
        await transaction.CommitAsync(ct);
        return new ChangeModelResult.Done(changed);
    }

    /// <summary>A moment at which a change takes effect: never in the past, which is not changed.</summary>
    public static string? Validate(DateTimeOffset? from, DateTimeOffset now) => from < now
        ? $"Enter a time from now on, such as {now.AddDays(1):yyyy-MM-dd}T00:00:00Z, or leave it out for now. What has happened keeps its route and its price." : null;
}
