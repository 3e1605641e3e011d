using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Quarantine;

static class QuarantineEndpoints
{
    public static void MapQuarantine(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/admin/quarantine").RequireAuthorization(Policies.Operator).WithTags("Operator");
        group.MapGet("", List).WithName("listQuarantine").WithSummary("List usage events that could not be counted, newest first")
            .WithDescription("`raw` is the beginning of the received text, `raw_length` its characters; GET /v1/admin/quarantine/{id} returns all of it.");
        group.MapGet("{id:guid}", Find).WithName("getQuarantinedEvent").WithSummary("Get a usage event that could not be counted, with its whole text");
        group.MapPost("{id:guid}/replay", Replay).AllowRoles(OperatorRole.Support).WithName("replayQuarantinedEvent").WithSummary("Process a held event again after its cause has been fixed");
        group.MapPost("{id:guid}/discard", Discard).AllowRoles(OperatorRole.Support).WithName("discardQuarantinedEvent").WithSummary("Decide that a held event will never be counted");
        group.MapGet("batches", Batches).WithName("listQuarantineBatches").WithSummary("List replays and discards of many events with their progress, newest first");
        group.MapPost("batches", Request).AllowRoles(OperatorRole.Support).WithName("requestQuarantineBatch")
            .WithSummary("Replay or discard all held events of one reason")
            .WithDescription(
                "`action` is replay or discard, `code` the reason the events are held for, `tenant_id` limits the batch to one tenant. The job quarantine processes the "
                + "events that are held now; `reason` is required to discard.");
    }

    static async Task<Ok<Page<HeldEvent>>> List(
        ControlDatabase database, string? code, Guid? tenant_id, Guid? cursor, int? limit, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.HeldAsync(code, tenant_id, cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<Ok<HeldEvent>, ProblemHttpResult>> Find(Guid id, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FindHeldAsync(id, ct) is { } held ? TypedResults.Ok(held) : NotFound();
    }

    static async Task<Results<Ok<OutcomeReply>, ProblemHttpResult>> Replay(Guid id, ClaimsPrincipal user, ReplayQuarantine replay, CancellationToken ct) =>
        await replay.RunAsync(id, user.ActorName(), ct) switch
        {
            ReplayResult.Counted => TypedResults.Ok(new OutcomeReply("counted")),
            ReplayResult.StillHeld held => TypedResults.Problem(held.Rejection.Detail, statusCode: 409, title: $"Still held: {held.Rejection.Code}"),
            _ => NotFound(),
        };

    static async Task<Results<Ok<OutcomeReply>, ValidationProblem, ProblemHttpResult>> Discard(
        Guid id, DiscardBody body, ClaimsPrincipal user, DiscardQuarantined discard, CancellationToken ct) =>
        await discard.RunAsync(id, body.Reason, user.ActorName(), ct) switch
        {
            DiscardResult.Discarded => TypedResults.Ok(new OutcomeReply("discarded")),
            DiscardResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            _ => NotFound(),
        };

    static async Task<Ok<Page<QuarantineBatch>>> Batches(ControlDatabase database, Guid? cursor, int? limit, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.BatchesAsync(cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<Accepted<QuarantineBatch>, ValidationProblem, ProblemHttpResult>> Request(
        BatchBody body, ClaimsPrincipal user, QuarantineBatches batches, CancellationToken ct) =>
        await batches.RequestAsync(body.Action, body.Code, body.TenantId, body.Reason, user.ActorName(), ct) switch
        {
            RequestBatchResult.Requested requested => TypedResults.Accepted((string?)null, requested.Batch),
            RequestBatchResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            RequestBatchResult.InProgress { Batch: var other } => TypedResults.Problem(
                $"Batch {other.Id} is in progress with the same events ({other.Action}). Send the request again when it has finished.", statusCode: 409, title: "In progress"),
            _ => TypedResults.Problem("No event is held for this reason. GET /v1/admin/quarantine lists them.", statusCode: 404, title: "Nothing held"),
        };

    static ProblemHttpResult NotFound() =>
        TypedResults.Problem("There is no held event with this id. GET /v1/admin/quarantine lists them.", statusCode: 404, title: "Not found");

    sealed record OutcomeReply(string Outcome);

    sealed record DiscardBody([property: Required] string? Reason);

    sealed record BatchBody([property: Required] string? Action, [property: Required] string? Code, Guid? TenantId, string? Reason);
}
