using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>Paying an open invoice: signed in, or with the link of a mail, which shows nothing but number, amount and due date.</summary>
static class PayPages
{
    public static void MapPayPages(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/app/invoices/{number}/pay", Pay).RequireAuthorization(Policies.Billing).RequireRateLimiting(TenantLimits.Actions).ExcludeFromDescription();
        // Reached by a reload or a sign-in after the form was posted.
        routes.MapGet("/app/invoices/{number}/pay", (string number) => new SeeOther($"/app/invoices/{Uri.EscapeDataString(number)}")).RequireAuthorization(Policies.Member)
            .ExcludeFromDescription();
        var links = routes.MapGroup("/pay/{token}").RequireRateLimiting(RateLimits.Lookup).ExcludeFromDescription();
        links.MapGet("", Show);
        links.MapPost("", PayByLink);
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Pay(string number, IFormCollection form, ClaimsPrincipal user, PayInvoice pay, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var page = $"/app/invoices/{Uri.EscapeDataString(number)}";
        return await pay.RunAsync(tenant, number, user.ActorName(), ct) switch
        {
            PayResult.Paid or PayResult.AlreadyPaid => new SeeOther($"{page}?done=paid"),
            PayResult.Pending => new SeeOther($"{page}?done=pending"),
            PayResult.ActionRequired action => new ContinueAt(action.Page),
            PayResult.Transfer => new SeeOther($"{page}#pay"),
            PayResult.NeedsMethod => new SeeOther("/app/billing?done=method_needed"),
            PayResult.Declined declined => await InvoicePages.RenderAsync(tenant, number, database, clock, ct, problem: DeclineText.Of(declined.Reason)),
            PayResult.Unavailable => await InvoicePages.RenderAsync(tenant, number, database, clock, ct, problem: Unavailable),
            _ => TypedResults.NotFound(),
        };
    }

    static Task<IResult> Show(string token, string? done, PayLinks links, PayInvoice pay, ControlDatabase database, Clock clock, Seller seller, CancellationToken ct) =>
        links.Find(token) is { } invoice ? ShowAsync(invoice, token, done, pay, database, clock, seller, ct) : NotFound();

    static async Task<IResult> ShowAsync(
        Guid invoice, string token, string? done, PayInvoice pay, ControlDatabase database, Clock clock, Seller seller, CancellationToken ct)
    {
        await pay.FinishAsync(invoice, ct);
        return await RenderAsync(
            invoice, token, database, clock, seller, ct,
            notice: done switch { "paid" => "Thank you, the invoice is paid.", "pending" => "Thank you. The bank debit is under way.", _ => null });
    }

    static async Task<IResult> PayByLink(
        string token, IFormCollection form, PayLinks links, PayInvoice pay, ControlDatabase database, Clock clock, Seller seller, ControlPlaneOptions options, CancellationToken ct)
    {
        if (links.Find(token) is not { } invoice)
        {
            return await NotFound();
        }

        return await pay.RunAsync(invoice, "visitor", ct, new Uri(options.PublicUrl, $"pay/{token}")) switch
        {
            PayResult.Paid or PayResult.AlreadyPaid => new SeeOther($"/pay/{token}?done=paid"),
            PayResult.Pending => new SeeOther($"/pay/{token}?done=pending"),
            PayResult.ActionRequired action => new ContinueAt(action.Page),
            PayResult.Transfer => new SeeOther($"/pay/{token}#pay"),
            PayResult.NeedsMethod => await RenderAsync(
                invoice, token, database, clock, seller, ct, problem: "No payment method is saved. Sign in and add one under Billing: the invoice is then paid at once."),
            PayResult.Declined declined => await RenderAsync(invoice, token, database, clock, seller, ct, problem: DeclineText.Of(declined.Reason)),
            PayResult.Unavailable => await RenderAsync(invoice, token, database, clock, seller, ct, problem: Unavailable),
            _ => await NotFound(),
        };
    }

    static async Task<IResult> RenderAsync(
        Guid invoice, string token, ControlDatabase database, Clock clock, Seller seller, CancellationToken ct, string? notice = null, string? problem = null)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.InvoiceNumberAsync(invoice, ct) is not { } number)
        {
            return await NotFound();
        }

        return new RazorComponentResult<PayPage>(new
        {
            Number = number,
            Token = token,
            Standing = (await transaction.StandingsAsync([invoice], ct))[invoice],
            Seller = seller,
            Now = clock.GetUtcNow(),
            Notice = notice,
            Problem = problem,
        })
        { StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }

    static Task<IResult> NotFound() => Task.FromResult<IResult>(TypedResults.NotFound());

    const string Unavailable = "The payment provider does not answer. Nothing is lost: you are charged at most once. Please try again in a few minutes.";
}
