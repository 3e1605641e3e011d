using System.Security.Claims;

namespace ControlPlane.Web.Payments;

/// <summary>Paying an invoice, and the inbox of payment providers.</summary>
static class PaymentEndpoints
{
    public static void MapPayments(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/invoices/{number}/pay", Pay).RequireAuthorization(Policies.Tenant).RequireRateLimiting(TenantLimits.Actions).WithTags("Invoices")
            .WithName("payInvoice").WithSummary("Pay an invoice now")
            .WithDescription("Charges the saved payment method, or says how to transfer the amount. 202 with a url: the customer confirms on that page of the bank.");
        // Without the constraint, what is not JSON and sent to /v1/webhooks/mail would be routed here.
        routes.MapPost("/v1/webhooks/{provider:regex(^(?!mail$))}", Receive).RequireRateLimiting(RateLimits.Notifications).WithTags("Webhooks")
            .WithName("receivePaymentEvent").WithSummary("Inbox for the webhooks of a payment provider, such as stripe");
    }

    static async Task<Results<Ok<PayReply>, Accepted<PayReply>, ProblemHttpResult>> Pay(string number, ClaimsPrincipal user, PayInvoice pay, CancellationToken ct) =>
        Reply(number, await pay.RunAsync(user.TenantId(), number, user.ActorName(), ct));

    /// <summary>What came of paying an invoice.</summary>
    public static Results<Ok<PayReply>, Accepted<PayReply>, ProblemHttpResult> Reply(string number, PayResult result)
    {
        return result switch
        {
            PayResult.Paid => TypedResults.Ok(new PayReply(number, "paid")),
            PayResult.Pending => TypedResults.Ok(new PayReply(number, "pending")),
            PayResult.ActionRequired action => TypedResults.Accepted((string?)null, new PayReply(number, "action_required") { Url = action.Page }),
            PayResult.Transfer transfer => TypedResults.Ok(new PayReply(number, "transfer")
            {
                AccountHolder = transfer.AccountHolder,
                Iban = transfer.Iban,
                Bic = transfer.Bic,
                Reference = transfer.Reference,
                Amount = transfer.Amount,
                DueAt = transfer.DueAt,
            }),
            PayResult.Declined declined => Refused(declined.Reason.Code, DeclineText.Of(declined.Reason)),
            PayResult.NeedsMethod => Refused(Decline.NoMethod, "No payment method is saved: add one in the portal, under Billing."),
            PayResult.AlreadyPaid => TypedResults.Problem($"Nothing is open of invoice {number}.", statusCode: 409, title: "Nothing to pay"),
            PayResult.Unavailable => TypedResults.Problem(
                "The payment provider does not answer. Nothing is lost: the payment is tried again, at most once.", statusCode: 503, title: "Payment provider unavailable"),
            _ => TypedResults.Problem($"There is no invoice {number}.", statusCode: 404, title: "Not found"),
        };

        ProblemHttpResult Refused(string code, string why) => TypedResults.Problem(
            why, statusCode: StatusCodes.Status402PaymentRequired, title: "Payment declined",
            extensions: new Dictionary<string, object?> { ["decline_code"] = code, ["invoice"] = number });
    }

    static async Task<Results<Ok, ProblemHttpResult>> Receive(string provider, HttpRequest request, ReceiveProviderEvent receive, CancellationToken ct)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, ct);
        return await receive.RunAsync(provider, body.GetBuffer().AsMemory(0, (int)body.Length), request.Headers["Stripe-Signature"], ct) switch
        {
            ReceivedEvent.Stored => TypedResults.Ok(),
            ReceivedEvent.Invalid => TypedResults.Problem(
                "The signature is missing, wrong or too old, or the body is not an event of this account and mode.", statusCode: 400, title: "Invalid event"),
            _ => TypedResults.Problem($"No payment provider {provider} is configured.", statusCode: 404, title: "Not found"),
        };
    }

}

/// <param name="Invoice">Its number.</param>
/// <param name="Status">paid, pending, action_required or transfer.</param>
sealed record PayReply(string Invoice, string Status)
{
    /// <summary>Where the customer confirms the payment.</summary>
    public Uri? Url { get; init; }
    public string? AccountHolder { get; init; }
    public string? Iban { get; init; }
    public string? Bic { get; init; }
    /// <summary>What the customer enters as the reason of the transfer.</summary>
    public string? Reference { get; init; }
    /// <summary>EUR.</summary>
    public decimal? Amount { get; init; }
    public DateTimeOffset? DueAt { get; init; }
}
