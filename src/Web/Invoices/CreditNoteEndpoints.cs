using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Invoices;

/// <summary>Corrections of invoices: read by tenants, made by operators.</summary>
static class CreditNoteEndpoints
{
    const int MostNotes = 1_000;

    public static void MapCreditNotes(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/credit-notes").RequireAuthorization(Policies.Tenant).RequireScope(KeyScopes.BillingRead).RequireRateLimiting(TenantLimits.Reports).WithTags("Invoices");
        group.MapGet("", List).WithName("listCreditNotes").WithSummary("List the corrections of the tenant's invoices, newest first");
        group.MapGet("{number}.pdf", Pdf).WithName("downloadCreditNote").WithSummary("Download a correction as PDF");
        group.MapGet("{number}", One).WithName("getCreditNote").WithSummary("Get a correction");
        routes.MapGet("/app/credit-notes/{number}.pdf", Pdf).RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports).ExcludeFromDescription();
        var admin = routes.MapGroup("/v1/admin/invoices").RequireAuthorization(Policies.Operator).WithTags("Operator");
        admin.MapPost("{number}/credit-notes", Create).AllowRoles(OperatorRole.Billing).WithName("createCreditNote").WithSummary("Take back an invoice, in whole or part")
            .WithDescription("Reduces what is open. What was paid beyond it is paid back (`refund: provider`) or kept for the next invoices (`refund: balance`).");
        admin.MapPost("{number}/write-off", WriteOff).AllowRoles(OperatorRole.Billing).WithName("writeOffInvoice").WithSummary("Write off an invoice's open amount");
    }

    static async Task<Ok<Page<CreditNoteReply>>> List(ClaimsPrincipal user, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return TypedResults.Ok(new Page<CreditNoteReply>([.. (await transaction.CreditNotesAsync(user.TenantId(), MostNotes, ct)).Select(CreditNoteReply.Of)], null));
    }

    static async Task<Results<Ok<CreditNoteReply>, ProblemHttpResult>> One(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.CreditNoteAsync(user.TenantId(), number, ct) is { } note ? TypedResults.Ok(CreditNoteReply.Of(note)) : NotFound(number);
    }

    static async Task<Results<FileContentHttpResult, ProblemHttpResult>> Pdf(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.CreditNotePdfAsync(user.TenantId(), number, ct) is { } pdf ? TypedResults.File(pdf, "application/pdf", $"{number}.pdf") : NotFound(number);
    }

    static async Task<Results<Created<CreditNoteReply>, ValidationProblem, ProblemHttpResult>> Create(
        string number, CreditNoteBody body, ClaimsPrincipal user, CreateCreditNote create, CancellationToken ct)
    {
        var errors = new FieldErrors();
        errors.Check("refund", body.Refund is "provider" or "balance" ? null : "Use provider or balance.");
        errors.Check("reason", string.IsNullOrWhiteSpace(body.Reason) ? "Enter a reason: it is printed." : null);
        errors.Check("lines", body.Lines is { Count: 0 } ? "Name at least one line, or leave it out: all that is left of the invoice." : null);
        if (errors.Count > 0)
        {
            return errors.ToValidationProblem();
        }

        var request = new CreditNoteRequest(body.Lines?.Select(line => new CreditedLine(line.Line, line.Net)).ToList(), body.Reason!, body.Refund == "provider");
        return await create.RunAsync(number, request, user.ActorName(), ct) switch
        {
            CreateCreditNoteResult.Created created => TypedResults.Created((string?)null, CreditNoteReply.Of(created.Note)),
            CreateCreditNoteResult.NotPossible refused => TypedResults.Problem(refused.Why, statusCode: StatusCodes.Status409Conflict, title: "Not possible"),
            _ => NotFound(number),
        };
    }

    static async Task<Results<Ok<WriteOffReply>, ValidationProblem, ProblemHttpResult>> WriteOff(
        string number, WriteOffBody body, ClaimsPrincipal user, WriteOffInvoice writeOff, CancellationToken ct) => await writeOff.RunAsync(number, body.Reason, user.ActorName(), ct) switch
        {
            WriteOffResult.WrittenOff written => TypedResults.Ok(new WriteOffReply(written.Amount)),
            WriteOffResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            WriteOffResult.NothingOpen => TypedResults.Problem($"Invoice {number} has no open amount.", statusCode: StatusCodes.Status409Conflict, title: "Nothing open"),
            _ => NotFound(number),
        };

    static ProblemHttpResult NotFound(string number) => TypedResults.Problem($"There is no document {number}.", statusCode: StatusCodes.Status404NotFound, title: "Not found");

    /// <param name="Lines">Absent: all that is left of the invoice.</param>
    /// <param name="Reason">Printed.</param>
    /// <param name="Refund">provider or balance.</param>
    sealed record CreditNoteBody(IReadOnlyList<CreditNoteBodyLine>? Lines, [property: Required] string? Reason, [property: Required] string? Refund);

    /// <param name="Line">Its place on the invoice, counted from 0.</param>
    /// <param name="Net">EUR to take back.</param>
    sealed record CreditNoteBodyLine(int Line, decimal Net);

    sealed record WriteOffBody([property: Required] string? Reason);

    /// <param name="Amount">EUR that is not collected.</param>
    sealed record WriteOffReply(decimal Amount);
}

/// <summary>EUR. The three last amounts add up to the total.</summary>
sealed record CreditNoteReply(
    string Number, string Invoice, string Reason, IReadOnlyList<CreditNoteLine> Lines, decimal Net, decimal Tax, decimal TotalAmount, decimal ToOpen, decimal ToRefund, decimal ToBalance,
    DateTimeOffset CreatedAt)
{
    public static CreditNoteReply Of(CreditNote note) => new(
        note.Number, note.InvoiceNumber, note.Reason, note.Amounts.Lines, note.Amounts.Net, note.Amounts.Tax, note.Amounts.Total, note.Application.ToOpen, note.Application.ToRefund,
        note.Application.ToBalance, note.CreatedAt);
}
