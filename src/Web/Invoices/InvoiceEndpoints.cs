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
        return TypedResults.Ok(Page.Of([.. complete.Select(InvoiceReply.Of)], size, last => last.Number));
    }

    static async Task<Results<Ok<InvoiceReply>, ProblemHttpResult>> One(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.InvoiceAsync(user.TenantId(), number, ct) is { } invoice ? TypedResults.Ok(InvoiceReply.Of(invoice)) : NotFound(number);
    }

    static async Task<Results<FileContentHttpResult, ProblemHttpResult>> Pdf(ClaimsPrincipal user, ControlDatabase database, string number, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.InvoicePdfAsync(user.TenantId(), number, ct) is { } pdf
            ? TypedResults.File(pdf, "application/pdf", $"{number}.pdf")
            : NotFound(number);
    }

    static ProblemHttpResult NotFound(string number) => TypedResults.Problem($"There is no invoice {number}.", statusCode: 404, title: "Not found");
}

/// <summary>An invoice as the API shows it. Amounts in <c>currency</c>; <c>period_end</c> is exclusive.</summary>
sealed record InvoiceReply(
    string Number, DateOnly PeriodStart, DateOnly PeriodEnd, decimal BaseCharge, long TokenUsage, long OverageTokens, decimal OverageCharge,
    IReadOnlyList<InvoiceLine> Lines, decimal Tax, decimal TotalAmount, string Currency, string Status, DateTimeOffset CreatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? PaidAt)
{
    public static InvoiceReply Of(Invoice i) => new(
        i.Number, i.PeriodStart, i.PeriodEnd, i.BaseCharge, i.TokenUsage, i.OverageTokens, i.OverageCharge, i.Lines, i.Tax, i.TotalAmount, i.Currency,
        i.Status, i.CreatedAt, i.PaidAt);
}
