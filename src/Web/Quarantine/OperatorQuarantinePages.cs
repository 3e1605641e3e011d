using System.Globalization;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Quarantine;

/// <summary>Operator pages for usage that could not be counted.</summary>
static class OperatorQuarantinePages
{
    public static void MapQuarantinePages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/quarantine", Show);
        pages.MapPost("/quarantine/{id:guid}/replay", Replay);
        pages.MapPost("/quarantine/replay", ReplayAll);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/quarantine/{id:guid}/replay", () => new SeeOther("/admin/quarantine"));
        pages.MapGet("/quarantine/replay", () => new SeeOther("/admin/quarantine"));
    }

    static async Task<RazorComponentResult<QuarantinePage>> Show(
        string? code, int? counted, int? held, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<QuarantinePage>(
            new { Model = await transaction.QuarantineAsync(code, ct), Code = code, Counted = counted, StillHeld = held });
    }

    // The form is bound so that its antiforgery token is checked.
    static Task<SeeOther> Replay(Guid id, IFormCollection form, ReplayQuarantine replay, CancellationToken ct) =>
        ReplayEach([id], null, replay, ct);

    static async Task<SeeOther> ReplayAll([FromForm] string code, ControlDatabase database, ReplayQuarantine replay, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await ReplayEach(await transaction.HeldOfAsync(code, ct), code, replay, ct);
    }

    static async Task<SeeOther> ReplayEach(IReadOnlyList<Guid> events, string? code, ReplayQuarantine replay, CancellationToken ct)
    {
        var (counted, held) = (0, 0);
        foreach (var id in events)
        {
            if (await replay.RunAsync(id, ct) is ReplayResult.Counted)
            {
                counted++;
            }
            else
            {
                held++;
            }
        }

        return new SeeOther(string.Create(
            CultureInfo.InvariantCulture, $"/admin/quarantine?counted={counted}&held={held}{(code is null || held == 0 ? "" : $"&code={Uri.EscapeDataString(code)}")}"));
    }
}
