namespace ControlPlane.Web.Shared;

static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/").WithTags("Health");
        health.MapGet("healthz", () => TypedResults.Ok(new { status = "up" })).WithName("getHealth").WithSummary("Check that the process is up");
        health.MapGet("readyz", Ready).WithName("getReadiness").WithSummary("Check that the database is reachable and migrated");
    }

    static async Task<Results<Ok<Readiness>, ProblemHttpResult>> Ready(ControlDatabase database, DatabaseCircuit circuit, HttpResponse response, CancellationToken ct)
    {
        try
        {
            var migration = await circuit.RunAsync(MigrationAsync, ct, bypassOpenCircuit: true);
            return migration == Migrator.Newest
                ? TypedResults.Ok(new Readiness("ready", migration))
                : TypedResults.Problem($"The database is at migration {migration}, this version needs {Migrator.Newest}: run `./run migrate`.", statusCode: 503, title: "Not migrated");
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            response.Headers.RetryAfter = "5";
            return TypedResults.Problem("The database does not answer.", statusCode: 503, title: "Not ready");
        }

        async Task<int> MigrationAsync(CancellationToken ct)
        {
            await using var transaction = await database.BeginAnonymousAsync(ct);
            return await transaction.ScalarAsync<int>(Migrator.Current, ct);
        }
    }

    sealed record Readiness(string Status, int Migration);
}
