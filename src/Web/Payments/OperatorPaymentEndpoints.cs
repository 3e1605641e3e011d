using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Payments;

/// <summary>For operators: payments on the bank account.</summary>
static class OperatorPaymentEndpoints
{
    public static void MapOperatorPayments(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/v1/admin").RequireAuthorization(Policies.Operator).WithTags("Operator");
        admin.MapPost("/invoices/{number}/payments", Record).AllowRoles(OperatorRole.Billing).WithName("recordPayment")
            .WithSummary("Record a transfer that arrived on the bank account").WithDescription("Recorded once for each reference. More than is open goes to the tenant's balance.");
        admin.MapPost("/statements", Import).AllowRoles(OperatorRole.Billing).WithMetadata(BodyLimit.Statement).WithName("importStatement")
            .WithSummary("Import a bank statement, camt.053 XML").WithDescription("Each entry is booked once, however many statements it is in.");
        admin.MapGet("/bank-transactions", List).WithName("listBankTransactions").WithSummary("List entries of imported statements, newest first, and what unmatched ones probably pay");
        admin.MapPost("/bank-transactions/{id:guid}/match", Match).AllowRoles(OperatorRole.Billing).WithName("matchBankTransaction").WithSummary("Say which invoice an entry pays");
        admin.MapPost("/bank-transactions/{id:guid}/discard", Discard).AllowRoles(OperatorRole.Billing).WithName("discardBankTransaction").WithSummary("Say that an entry is for no invoice");
    }

    static async Task<Results<Ok<OpenReply>, ValidationProblem, ProblemHttpResult>> Record(
        string number, PaymentBody body, ClaimsPrincipal user, RecordTransfer record, CancellationToken ct)
    {
        var errors = new FieldErrors();
        errors.Check("amount", body.Amount is null ? "Enter an amount in euros, such as 14.58." : null);
        errors.Check("received_on", body.ReceivedOn is null ? "Enter the day on which the money arrived." : null);
        errors.Check("reference", string.IsNullOrWhiteSpace(body.Reference) ? "Enter the bank's reference of the transfer." : null);
        return errors.Count > 0
            ? errors.ToValidationProblem()
            : await record.RunAsync(number, body.Amount!.Value, body.ReceivedOn!.Value, body.Reference!, user.ActorName(), ct) switch
            {
                TransferResult.Recorded recorded => TypedResults.Ok(new OpenReply(recorded.Open)),
                TransferResult.AlreadyRecorded => TypedResults.Problem(
                    "A transfer with this reference is on record for the invoice.", statusCode: 409, title: "Already recorded"),
                TransferResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
                _ => NoInvoice(number),
            };
    }

    static async Task<Results<Ok<ImportedStatement>, ProblemHttpResult>> Import(HttpRequest request, ClaimsPrincipal user, ImportStatement import, CancellationToken ct)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, ct);
        body.Position = 0;
        try
        {
            return TypedResults.Ok(await import.RunAsync(body, user.ActorName(), ct));
        }
        catch (StatementException e)
        {
            return TypedResults.Problem(e.Message, statusCode: 400, title: "Not a bank statement");
        }
    }

    static async Task<Results<Ok<Page<BankTransaction>>, ValidationProblem>> List(string? state, Guid? cursor, int? limit, ControlDatabase database, CancellationToken ct)
    {
        if (state is not (null or "matched" or "unmatched" or "discarded"))
        {
            return new FieldErrors { ["state"] = "Use matched, unmatched or discarded, or omit it." }.ToValidationProblem();
        }

        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.BankTransactionsAsync(state, cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<Ok<OpenReply>, ValidationProblem, ProblemHttpResult>> Match(
        Guid id, MatchBody body, ClaimsPrincipal user, ImportStatement import, CancellationToken ct) =>
        string.IsNullOrWhiteSpace(body.Invoice)
            ? new FieldErrors { ["invoice"] = "Enter the number of the invoice." }.ToValidationProblem()
            : await import.MatchAsync(id, body.Invoice, user.ActorName(), ct) switch
            {
                MatchResult.Matched matched => TypedResults.Ok(new OpenReply(matched.Open)),
                _ => TypedResults.Problem(
                    "There is no unmatched entry with this id, or no such invoice with something to collect; or of money that left the account, less was paid by transfer.", statusCode: 404, title: "Not found"),
            };

    static async Task<Results<NoContent, ProblemHttpResult>> Discard(Guid id, ClaimsPrincipal user, ImportStatement import, CancellationToken ct) =>
        await import.DiscardAsync(id, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("There is no unmatched entry with this id: GET /v1/admin/bank-transactions?state=unmatched lists them.", statusCode: 404, title: "Not found");

    static ProblemHttpResult NoInvoice(string number) =>
        TypedResults.Problem($"There is no invoice {number} with something to collect.", statusCode: 404, title: "Not found");

    sealed record PaymentBody([property: Required] decimal? Amount, [property: Required] DateOnly? ReceivedOn, [property: Required] string? Reference);

    sealed record MatchBody([property: Required] string? Invoice);

    /// <param name="Open">EUR that are left to pay; negative: the surplus, which is in the tenant's balance.</param>
    sealed record OpenReply(decimal Open);
}
