using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Payments;

/// <summary>Buying credit over the API.</summary>
static class TopUpEndpoints
{
    public static void MapTopUps(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/top-ups", Buy).RequireAuthorization(Policies.Tenant).RequireRateLimiting(TenantLimits.Actions).WithTags("Invoices")
            .WithName("buyCredit").WithSummary("Buy credit that the next invoices use up")
            .WithDescription(
                "Writes an invoice with VAT and charges it at once, as POST /v1/invoices/{number}/pay does. When it is paid, the credit reduces the amounts before tax of the invoices that follow. "
                + "The same request again, while it is unpaid, pays the same invoice. What stays unpaid is cancelled.")
            .ProducesProblem(StatusCodes.Status409Conflict);

    static async Task<Results<Ok<PayReply>, Accepted<PayReply>, ValidationProblem, ProblemHttpResult>> Buy(
        TopUpBody body, ClaimsPrincipal user, BuyCredit buy, CancellationToken ct)
    {
        switch (await buy.RunAsync(user.TenantId(), body.Eur, user.ActorName(), ct))
        {
            case BuyCreditResult.Bought bought:
                return PaymentEndpoints.Reply(bought.Invoice, bought.Payment).Result switch
                {
                    Ok<PayReply> ok => ok,
                    Accepted<PayReply> accepted => accepted,
                    var other => (ProblemHttpResult)other,
                };
            case BuyCreditResult.Invalid invalid:
                return invalid.Errors.ToValidationProblem();
            case BuyCreditResult.UnpaidFirst unpaid:
                return TypedResults.Problem(
                    $"The credit of invoice {unpaid.Invoice} is not paid. Pay it first: POST /v1/invoices/{unpaid.Invoice}/pay.", statusCode: StatusCodes.Status409Conflict, title: "Unpaid credit");
            case BuyCreditResult.AddressMissing missing:
                return TypedResults.Problem(
                    "Invoices need the organization's address: PATCH /v1/organization.", statusCode: StatusCodes.Status409Conflict, title: "Address missing",
                    extensions: new Dictionary<string, object?> { ["errors"] = missing.Errors.ToDictionary(error => error.Key, error => new[] { error.Value }) });
            default:
                return TypedResults.Problem("The subscription has ended, or has not started.", statusCode: StatusCodes.Status409Conflict, title: "Not possible now");
        }
    }

    /// <param name="Eur">Before tax, from 10 to 10000.</param>
    sealed record TopUpBody([property: Required] decimal? Eur);
}
