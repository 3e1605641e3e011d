using System.Globalization;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Quarantine;

/// <summary>Usage that could not be counted, on the operators' pages.</summary>
static class AdminQuarantinePages
{
    public static void MapQuarantinePages(this RouteGroupBuilder admin)
    {
        admin.MapGet("/quarantine", Show);
        admin.MapPost("/quarantine/{id:guid}/replay", Replay);
        admin.MapPost("/quarantine/replay", ReplayAll);
        // Where a reload or a lost session lands after a form was posted.
        admin.MapGet("/quarantine/{id:guid}/replay", () => new SeeOther("/admin/quarantine"));
        admin.MapGet("/quarantine/replay", () => new SeeOther("/admin/quarantine"));
    }

    static async Task<RazorComponentResult<QuarantinePage>> Show(
        string? code, int? counted, int? held, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return new RazorComponentResult<QuarantinePage>(
            new { Model = await transaction.QuarantineAsync(code, ct), Code = code, Counted = counted, StillHeld = held });
    }

    // Forms without fields are bound too, so that their antiforgery token is checked.
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
