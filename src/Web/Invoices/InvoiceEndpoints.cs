using System.Security.Claims;
using System.Text.Json.Serialization;

namespace ControlPlane.Web.Invoices;

static class InvoiceEndpoints
{
    public static void MapInvoices(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/invoices").RequireAuthorization(Policies.Tenant).RequireScope(KeyScopes.BillingRead).RequireRateLimiting(TenantLimits.Reports).WithTags("Invoices");
        group.MapGet("", List).WithName("listInvoices").WithSummary("List the tenant's invoices, newest first");
        group.MapGet("{number}.pdf", Pdf).WithName("downloadInvoice").WithSummary("Download an invoice as PDF");
        group.MapGet("{number}", One).WithName("getInvoice").WithSummary("Get an invoice");
        group.MapGet("{number}/receipt.pdf", Receipt).WithName("downloadReceipt").WithSummary("Download a receipt of what was paid for an invoice as PDF");
        routes.MapGet("/app/invoices/{number}/receipt.pdf", Receipt).RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports)
            .ExcludeFromDescription();
        routes.MapGet("/app/invoices/{number}.pdf", Pdf).RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports)
            .ExcludeFromDescription();
    }

    static async Task<Results<Ok<Page<InvoiceReply>>, ProblemHttpResult>> List(
        ClaimsPrincipal user, ControlDatabase database, string? cursor, int? limit, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        if (await transaction.InvoicesAsync(user.TenantId(), cursor, size + 1, ct) is not { } invoices)
        {
            return TypedResults.Problem("cursor must be the next_cursor of a page of invoices; omit it for the first page.", statusCode: 400, title: "Invalid cursor");
        }

        var complete = await transaction.WithLinesAsync(invoices, ct);
        var standings = await transaction.StandingsAsync([.. complete.Select(invoice => invoice.Id)], ct);
        return TypedResults.Ok(Page.Of([.. complete.Select(invoice => InvoiceReply.Of(invoice, standings[invoice.Id]))], size, last => last.Number));
    }

    static async Task<Results<Ok<InvoiceReply>, ProblemHttpResult>> One(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.InvoiceAsync(user.TenantId(), number, ct) is { } invoice
            ? TypedResults.Ok(InvoiceReply.Of(invoice, (await transaction.StandingsAsync([invoice.Id], ct))[invoice.Id]))
            : NotFound(number);
    }

    static async Task<Results<FileContentHttpResult, ProblemHttpResult>> Pdf(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.InvoicePdfAsync(user.TenantId(), number, ct) is { } pdf
            ? TypedResults.File(pdf, "application/pdf", $"{number}.pdf")
            : NotFound(number);
    }

    static async Task<Results<FileContentHttpResult, ProblemHttpResult>> Receipt(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.ReceiptAsync(user.TenantId(), number, ct) is { } pdf
            ? TypedResults.File(pdf, "application/pdf", $"{number}-receipt.pdf")
            : TypedResults.Problem($"There is no invoice {number} for which something was paid.", statusCode: 404, title: "Not found");
    }

    static ProblemHttpResult NotFound(string number) => TypedResults.Problem($"There is no invoice {number}.", statusCode: 404, title: "Not found");
}

/// <summary>An invoice as the API shows it. Amounts in <c>currency</c>; <c>period_end</c> is exclusive.</summary>
/// <param name="Kind">period, interim or top_up.</param>
/// <param name="Status">open, pending, paid, credited or written_off.</param>
/// <param name="AmountDue">What there was to collect: the total less the balance that was used.</param>
/// <param name="DueAt">When it is charged, or until when a transfer has to arrive.</param>
/// <param name="Payment">Absent: there was nothing to collect.</param>
sealed record InvoiceReply(
    string Number, string Kind, DateOnly PeriodStart, DateOnly PeriodEnd, decimal BaseCharge, long TokenUsage, long OverageTokens, decimal OverageCharge,
    IReadOnlyList<InvoiceLine> Lines, decimal Tax, IReadOnlyList<InvoiceTaxReply> Taxes, decimal TotalAmount, decimal AmountDue, string Currency, string Status,
    InvoicePaymentReply? Payment, DateTimeOffset CreatedAt, DateTimeOffset? DueAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? PaidAt)
{
    public static InvoiceReply Of(Invoice i, InvoiceStanding standing) => new(
        i.Number, i.Kind, i.PeriodStart, i.PeriodEnd, i.BaseCharge, i.TokenUsage, i.OverageTokens, i.OverageCharge, i.Lines, i.Tax,
        [.. i.Taxes.Select(tax => new InvoiceTaxReply(tax.Category, tax.Rate, tax.Taxable, tax.Tax))], i.TotalAmount, i.AmountDue, i.Currency, i.Status,
        standing.Collection is { } method ? new InvoicePaymentReply(method, standing.State!, standing.Open, standing.NextAttemptAt, standing.DeclineCode) : null,
        i.CreatedAt, standing.DueAt, i.PaidAt);
}

/// <param name="Category">S, AE, Z, O or E, as in EN 16931.</param>
/// <param name="Rate">A fraction: 0.19.</param>
/// <param name="Taxable">The sum of the lines at this rate.</param>
sealed record InvoiceTaxReply(string Category, decimal Rate, decimal Taxable, decimal Tax);

/// <param name="Method">charge or transfer.</param>
/// <param name="State">due, requires_action, pending, failed, reversed, succeeded or cancelled.</param>
/// <param name="Open">Still to be paid.</param>
/// <param name="NextAttemptAt">Absent: no further one is planned.</param>
/// <param name="DeclineCode">Of the last attempt, if it failed.</param>
sealed record InvoicePaymentReply(string Method, string State, decimal Open, DateTimeOffset? NextAttemptAt, string? DeclineCode);
