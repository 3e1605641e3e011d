using System.Security.Claims;

namespace ControlPlane.Web.Invoices;

/// <summary>A tenant's invoices in the portal: visible to all members, paid by owners and billing members.</summary>
static class InvoicePages
{
    const int InvoicesPerPage = 60;

    public static void MapInvoicePages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("/app/invoices").RequireRateLimiting(TenantLimits.Reports).ExcludeFromDescription();
        pages.MapGet("", List).RequireAuthorization(Policies.Member);
        pages.MapGet("/{number}", Show).RequireAuthorization(Policies.Member);
    }

    static async Task<Results<RazorComponentResult<InvoicesPage>, NotFound>> List(
        ClaimsPrincipal user, string? before, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        if (await transaction.InvoicesAsync(user.TenantId(), before, InvoicesPerPage + 1, ct) is not { } invoices)
        {
            return TypedResults.NotFound();
        }

        var page = invoices.Take(InvoicesPerPage).ToList();
        return new RazorComponentResult<InvoicesPage>(new
        {
            Invoices = page,
            Standings = await transaction.StandingsAsync([.. page.Select(invoice => invoice.Id)], ct),
            Now = clock.GetUtcNow(),
            Older = invoices.Count > InvoicesPerPage ? page[^1].Number : null,
        });
    }

    static async Task<IResult> Show(
        ClaimsPrincipal user, string number, string? done, PayInvoice pay, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        // The customer may be back from the bank's page.
        await FinishAsync(user.TenantId(), number, pay, database, ct);
        return await RenderAsync(
            user.TenantId(), number, database, clock, ct,
            notice: done switch
            {
                "paid" => "Thank you, the invoice is paid.",
                "pending" => "Thank you. Your bank debit is under way.",
                _ => null,
            });
    }

    static async Task FinishAsync(Guid tenant, string number, PayInvoice pay, ControlDatabase database, CancellationToken ct)
    {
        Guid? invoice;
        await using (var transaction = await database.BeginAsync(tenant, ct))
        {
            invoice = await transaction.InvoiceToFinishAsync(tenant, number, ct);
        }

        await (invoice is { } id ? pay.FinishAsync(id, ct) : Task.CompletedTask);
    }

    internal static async Task<IResult> RenderAsync(
        Guid tenant, string number, ControlDatabase database, Clock clock, CancellationToken ct, string? notice = null, string? problem = null)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.InvoiceAsync(tenant, number, ct) is not { } invoice)
        {
            return TypedResults.NotFound();
        }

        return new RazorComponentResult<InvoicePage>(new
        {
            Invoice = invoice,
            Standing = (await transaction.StandingsAsync([invoice.Id], ct))[invoice.Id],
            Now = clock.GetUtcNow(),
            Settlements = await transaction.SettlementsAsync(invoice.Id, ct),
            CreditNotes = await transaction.CreditNotesOfAsync(invoice.Id, ct),
            Notice = notice,
            Problem = problem,
        })
        { StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
