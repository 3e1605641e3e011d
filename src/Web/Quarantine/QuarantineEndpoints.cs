namespace ControlPlane.Web.Quarantine;

static class QuarantineEndpoints
{
    public static void MapQuarantine(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/admin/quarantine").RequireAuthorization(Policies.Operator).WithTags("Operator");
        group.MapGet("", List).WithName("listQuarantine").WithSummary("List usage events that could not be counted, newest first");
        group.MapPost("{id:guid}/replay", Replay).WithName("replayQuarantinedEvent").WithSummary("Process a held event again after its cause has been fixed");
    }

    static async Task<Ok<Page<HeldEvent>>> List(
        ControlDatabase database, string? code, Guid? tenant_id, Guid? cursor, int? limit, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.HeldAsync(code, tenant_id, cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<Ok<ReplayReply>, ProblemHttpResult>> Replay(Guid id, ReplayQuarantine replay, CancellationToken ct) =>
        await replay.RunAsync(id, ct) switch
        {
            ReplayResult.Counted => TypedResults.Ok(new ReplayReply("counted")),
            ReplayResult.StillHeld held => TypedResults.Problem(held.Rejection.Detail, statusCode: 409, title: $"Still held: {held.Rejection.Code}"),
            _ => TypedResults.Problem("There is no held event with this id. GET /v1/admin/quarantine lists them.", statusCode: 404, title: "Not found"),
        };

    sealed record ReplayReply(string Outcome);
}
