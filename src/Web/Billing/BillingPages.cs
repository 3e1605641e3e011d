using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>The next invoice, the payment method and what invoices say about the buyer: visible to all members, changed by owners and billing members.</summary>
static class BillingPages
{
    const string Path = "/app/billing";

    public static void MapBillingPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup(Path).ExcludeFromDescription();
        pages.MapGet("", Show).RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports);
        pages.MapPost("/organization", Change).RequireAuthorization(Policies.Billing).RequireRateLimiting(TenantLimits.Changes);
        // Reached by a reload or a sign-in after the form was posted.
        pages.MapGet("/organization", () => new SeeOther(Path)).RequireAuthorization(Policies.Member);
        pages.MapPost("/credit", Buy).RequireAuthorization(Policies.Billing).RequireRateLimiting(TenantLimits.Actions);
        pages.MapGet("/credit", () => new SeeOther(Path)).RequireAuthorization(Policies.Member);
    }

    static Task<IResult> Show(ClaimsPrincipal user, string? done, BillingPageReader reader, CancellationToken ct) => reader.RenderAsync(
        user.TenantId(), ct, notice: done switch
        {
            "organization" => "Saved. It holds for the invoices that follow.",
            "credit" => "Thank you. The credit is used for your next invoices.",
            "method_needed" => "Add a payment method: the invoice is then paid at once.",
            "method" => "Payment method saved. Invoices that are due are paid with it now.",
            _ => null,
        });

    static async Task<IResult> Change(ClaimsPrincipal user, IFormCollection form, EditOrganization organization, BillingPageReader reader, CancellationToken ct)
    {
        var entered = OrganizationForms.Read(form);
        return await organization.RunAsync(user.TenantId(), (_, errors) => Required(entered, errors), user.ActorName(), ct) switch
        {
            EditOrganizationResult.Done => new SeeOther($"{Path}?done=organization"),
            EditOrganizationResult.Invalid invalid => await reader.RenderAsync(user.TenantId(), ct, entered: entered, errors: invalid.Errors),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> Buy(ClaimsPrincipal user, IFormCollection form, BuyCredit buy, BillingPageReader reader, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var eur = FormNumbers.Amount(form, "eur", errors);
        var result = errors.Count > 0 ? new BuyCreditResult.Invalid(errors) : await buy.RunAsync(user.TenantId(), eur, user.ActorName(), ct);
        return result switch
        {
            BuyCreditResult.Bought { Payment: PayResult.Paid } => new SeeOther($"{Path}?done=credit"),
            BuyCreditResult.Bought { Payment: PayResult.ActionRequired action } => new ContinueAt(action.Page),
            BuyCreditResult.Bought { Payment: PayResult.NeedsMethod } => new SeeOther($"{Path}?done=method_needed"),
            BuyCreditResult.Bought { Payment: PayResult.Declined declined } => await reader.RenderAsync(user.TenantId(), ct, problem: DeclineText.Of(declined.Reason)),
            BuyCreditResult.Bought bought => new SeeOther($"/app/invoices/{bought.Invoice}#pay"),
            BuyCreditResult.Invalid invalid => await reader.RenderAsync(user.TenantId(), ct, enteredCredit: FormNumbers.Text(form, "eur"), errors: invalid.Errors),
            BuyCreditResult.UnpaidFirst unpaid => await reader.RenderAsync(
                user.TenantId(), ct, problem: $"The credit of invoice {unpaid.Invoice} is not paid. Pay it first, or buy the same amount again."),
            BuyCreditResult.AddressMissing => await reader.RenderAsync(user.TenantId(), ct, problem: "Your address is missing. Enter it below first: invoices need it."),
            _ => await reader.RenderAsync(user.TenantId(), ct, problem: "Your plan has ended. Choose a plan first."),
        };
    }

    // The form asks for what an invoice needs; the API takes the parts one by one.
    static Organization Required(Organization entered, FieldErrors errors)
    {
        foreach (var (field, error) in entered.Normalize().MissingForInvoice())
        {
            errors.Check(field, error);
        }

        return entered;
    }
}

/// <summary>Reads what the page shows. Also the invoice as it stands, which a job would write at the end of the period.</summary>
sealed class BillingPageReader(ControlDatabase database, Clock clock, EditOrganization organizations, NextInvoice next, CollectionSettings collections)
{
    const int LatestPayments = 3;

    public async Task<IResult> RenderAsync(
        Guid tenant, CancellationToken ct, string? notice = null, string? problem = null, Organization? entered = null, string? enteredCredit = null,
        FieldErrors? errors = null)
    {
        MemberBilling? billing;
        List<PaidInvoice> paid;
        await using (var transaction = await database.BeginAsync(tenant, ct))
        {
            billing = await transaction.MemberBillingAsync(tenant, clock.GetUtcNow(), ct);
            paid = await transaction.PaidInvoicesAsync(tenant, LatestPayments, ct);
        }

        if (billing is null || await organizations.FindAsync(tenant, ct) is not { } known)
        {
            return new RazorComponentResult<NotVerifiedPage>();
        }

        return new RazorComponentResult<BillingPage>(new
        {
            Model = billing,
            Known = known,
            Next = await next.FindAsync(tenant, ct),
            Paid = paid,
            Charges = collections.Provider is not null,
            Notice = notice,
            Problem = problem,
            Entered = entered,
            EnteredCredit = enteredCredit,
            Errors = errors ?? [],
        })
        { StatusCode = errors is not null ? StatusCodes.Status400BadRequest : problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
