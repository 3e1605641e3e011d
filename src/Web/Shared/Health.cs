namespace ControlPlane.Web.Shared;

static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/").WithTags("Health");
        health.MapGet("healthz", () => TypedResults.Ok(new { status = "up" })).WithName("getHealth").WithSummary("Check that the process is up");
        health.MapGet("readyz", Ready).WithName("getReadiness").WithSummary("Check that the database is reachable and migrated");
    }

    static async Task<Results<Ok<Readiness>, ProblemHttpResult>> Ready(ReadinessProbe probe, HttpResponse response, CancellationToken ct)
    {
        try
        {
            var missing = await probe.RunAsync(ct);
            return missing is [var first, ..]
                ? TypedResults.Problem($"The database lacks {missing.Count} of the migrations and functions of this version, {first} first: run `./run migrate`.", statusCode: 503, title: "Not migrated")
                : TypedResults.Ok(new Readiness("ready", SchemaScripts.NewestMigration));
        }
        catch (Exception e) when (e.IsDatabaseUnavailable())
        {
            response.Headers.RetryAfter = "5";
            return TypedResults.Problem("The database does not answer.", statusCode: 503, title: "Not ready");
        }
    }

    /// <param name="Migration">Number of the newest migration that this program needs and the database has.</param>
    sealed record Readiness(string Status, int Migration);
}
