using System.Security.Claims;

namespace ControlPlane.Web.Payments;

/// <summary>Entries of bank statements for operators: imported, matched to invoices, discarded.</summary>
static class BankTransactionPages
{
    const string Path = "/admin/bank-transactions";
    const int EntriesPerPage = 50;
    // A form's boundary and antiforgery token come on top of the file.
    const int FormOverhead = 16 * 1024;

    public static void MapBankTransactionPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/bank-transactions", Show);
        // In memory: not every host has a disk.
        pages.MapPost("/bank-transactions", Import).AllowRoles(OperatorRole.Billing)
            .WithMetadata(BodyLimit.Statement with { Bytes = CamtStatement.MaximumBytes + FormOverhead }).WithFormOptions(memoryBufferThreshold: CamtStatement.MaximumBytes + FormOverhead);
        pages.MapPost("/bank-transactions/{id:guid}/match", Match).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/bank-transactions/{id:guid}/discard", Discard).AllowRoles(OperatorRole.Billing);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/bank-transactions/{id:guid}/{action}", () => new SeeOther(Path));
    }

    static Task<IResult> Show(string? state, Guid? before, string? done, int? matched, int? unmatched, int? known, ControlDatabase database, CancellationToken ct) => RenderAsync(
        database, ct, state, before, notice: done switch
        {
            "imported" => $"Imported: {Format.Count(matched ?? 0)} matched, {Format.Count(unmatched ?? 0)} to match, {Format.Count(known ?? 0)} known from before.",
            "matched" => "Booked on the invoice.",
            "discarded" => "Discarded.",
            _ => null,
        });

    static async Task<IResult> Import(IFormFile? statement, ClaimsPrincipal user, ImportStatement import, ControlDatabase database, CancellationToken ct)
    {
        if (statement is not { Length: > 0 })
        {
            return await RenderAsync(database, ct, problem: "Choose a bank statement in the format camt.053.", status: StatusCodes.Status400BadRequest);
        }

        try
        {
            await using var content = statement.OpenReadStream();
            var imported = await import.RunAsync(content, user.ActorName(), ct);
            return new SeeOther(FormattableString.Invariant($"{Path}?done=imported&matched={imported.Matched}&unmatched={imported.Unmatched}&known={imported.Known}"));
        }
        catch (StatementException e)
        {
            return await RenderAsync(database, ct, problem: e.Message, status: StatusCodes.Status400BadRequest);
        }
    }

    static async Task<IResult> Match(Guid id, IFormCollection form, ClaimsPrincipal user, ImportStatement import, ControlDatabase database, CancellationToken ct) =>
        FormNumbers.Text(form, "invoice") is { } invoice && await import.MatchAsync(id, invoice, user.ActorName(), ct) is MatchResult.Matched
            ? new SeeOther($"{Path}?done=matched")
            : await RenderAsync(
                database, ct, problem: "There is no such invoice with something to collect, the entry was matched before, or more has left the account than was paid by transfer. Enter the invoice's number, such as INV-000123.",
                status: StatusCodes.Status409Conflict);

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Discard(Guid id, IFormCollection form, ClaimsPrincipal user, ImportStatement import, CancellationToken ct) =>
        await import.DiscardAsync(id, user.ActorName(), ct) ? new SeeOther($"{Path}?done=discarded") : TypedResults.NotFound();

    static async Task<IResult> RenderAsync(
        ControlDatabase database, CancellationToken ct, string? state = null, Guid? before = null, string? notice = null, string? problem = null, int status = StatusCodes.Status200OK)
    {
        state = state is "matched" or "discarded" ? state : "unmatched";
        await using var transaction = await database.BeginJobAsync(ct);
        var entries = await transaction.BankTransactionsAsync(state, before, EntriesPerPage + 1, ct);
        return new RazorComponentResult<BankTransactionsPage>(new
        {
            Entries = entries.Take(EntriesPerPage).ToList(),
            Older = entries.Count > EntriesPerPage ? entries[EntriesPerPage - 1].Id : (Guid?)null,
            State = state,
            Notice = notice,
            Problem = problem,
        })
        { StatusCode = status };
    }
}
