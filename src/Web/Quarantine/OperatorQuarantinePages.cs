using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Quarantine;

/// <summary>Operator pages for usage that could not be counted.</summary>
static class OperatorQuarantinePages
{
    public static void MapQuarantinePages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/quarantine", Show);
        pages.MapPost("/quarantine/{id:guid}/replay", Replay).AllowRoles(OperatorRole.Support);
        pages.MapPost("/quarantine/{id:guid}/discard", Discard).AllowRoles(OperatorRole.Support);
        pages.MapPost("/quarantine/batch", RequestBatch).AllowRoles(OperatorRole.Support);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/quarantine/{id:guid}/replay", () => new SeeOther("/admin/quarantine"));
        pages.MapGet("/quarantine/{id:guid}/discard", () => new SeeOther("/admin/quarantine"));
        pages.MapGet("/quarantine/batch", () => new SeeOther("/admin/quarantine"));
    }

    static Task<RazorComponentResult<QuarantinePage>> Show(string? code, Guid? tenant, string? done, ControlDatabase database, CancellationToken ct) =>
        RenderAsync(code, tenant, database, ct, notice: done switch
        {
            "counted" => "The event was counted.",
            "discarded" => "The event was discarded.",
            "requested" => "Requested. Reload the page to see the progress.",
            _ => null,
        });

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Replay(
        Guid id, IFormCollection form, ClaimsPrincipal user, ReplayQuarantine replay, ControlDatabase database, CancellationToken ct) =>
        await replay.RunAsync(id, user.ActorName(), ct) switch
        {
            ReplayResult.Counted => new SeeOther("/admin/quarantine?done=counted"),
            ReplayResult.StillHeld held => await RenderAsync(
                null, null, database, ct, problem: $"The event could not be counted and remains in quarantine: {held.Rejection.Detail}."),
            _ => TypedResults.NotFound(),
        };

    static async Task<IResult> Discard(
        Guid id, [FromForm] string? reason, ClaimsPrincipal user, DiscardQuarantined discard, ControlDatabase database, CancellationToken ct) =>
        await discard.RunAsync(id, reason, user.ActorName(), ct) switch
        {
            DiscardResult.Discarded => new SeeOther("/admin/quarantine?done=discarded"),
            DiscardResult.Invalid invalid => await RenderAsync(null, null, database, ct, problem: string.Join(' ', invalid.Errors.Values)),
            _ => TypedResults.NotFound(),
        };

    static async Task<IResult> RequestBatch(
        [FromForm] string? action, [FromForm] string? code, [FromForm] Guid? tenant, [FromForm] string? reason, ClaimsPrincipal user, QuarantineBatches batches,
        ControlDatabase database, CancellationToken ct) =>
        await batches.RequestAsync(action, code, tenant, reason, user.ActorName(), ct) switch
        {
            RequestBatchResult.Requested => new SeeOther($"/admin/quarantine?done=requested&code={Uri.EscapeDataString(code!)}{(tenant is null ? "" : $"&tenant={tenant}")}"),
            RequestBatchResult.Invalid invalid => await RenderAsync(code, tenant, database, ct, problem: string.Join(' ', invalid.Errors.Values)),
            RequestBatchResult.InProgress => await RenderAsync(
                code, tenant, database, ct, problem: "Another request for these events is in progress. Try again when it has finished."),
            _ => await RenderAsync(code, tenant, database, ct, problem: "No event is held for this reason any more."),
        };

    static async Task<RazorComponentResult<QuarantinePage>> RenderAsync(
        string? code, Guid? tenant, ControlDatabase database, CancellationToken ct, string? notice = null, string? problem = null)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<QuarantinePage>(
            new { Model = await transaction.QuarantineAsync(code, tenant, ct), Code = code, Tenant = tenant, Notice = notice, Problem = problem })
        {
            StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict,
        };
    }
}
