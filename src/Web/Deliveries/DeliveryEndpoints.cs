using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Deliveries;

/// <summary>For operators: what could not be delivered, and the addresses that get no mail.</summary>
static class DeliveryEndpoints
{
    const int MaximumReasonLength = 500;

    public static void MapDeliveries(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/v1/admin").RequireAuthorization(Policies.Operator).WithTags("Operator");
        admin.MapGet("/queues/{queue}/dead", ListDead).WithName("listDeadDeliveries")
            .WithSummary("List what the queue mail, webhooks or alerts could not deliver and does not try again");
        admin.MapPost("/queues/{queue}/retry", Retry).AllowRoles(OperatorRole.Support).WithName("retryDeadDeliveries").WithSummary("Queue it again");
        admin.MapPost("/queues/{queue}/dead/{id:guid}/discard", Discard).AllowRoles(OperatorRole.Support).WithName("discardDeadDelivery")
            .WithSummary("Decide that it is never delivered, and remove it from the list");
        admin.MapGet("/mail-suppressions", ListSuppressions).WithName("listMailSuppressions").WithSummary("List the email addresses that get no mail, newest first");
        admin.MapDelete("/mail-suppressions/{id:guid}", LiftSuppression).AllowRoles(OperatorRole.Support).WithName("liftMailSuppression").WithSummary("Send mail to the address again");
        routes.MapPost("/v1/webhooks/mail", AddSuppression).RequireAuthorization(Policies.Operator).AllowRoles(OperatorRole.Support).WithTags("Operator")
            .WithName("reportMailEvent").WithSummary("Report a permanent bounce or a complaint: the address gets no mail until an operator lifts the suppression");
    }

    static async Task<Results<Ok<Page<DeadDelivery>>, ProblemHttpResult>> ListDead(
        string queue, Guid? cursor, int? limit, ControlDatabase database, CancellationToken ct)
    {
        if (!DeadDeliveryViews.Queues.Contains(queue))
        {
            return NoQueue();
        }

        var size = Query.Limit(limit);
        await using var transaction = await database.BeginJobAsync(ct);
        return TypedResults.Ok(Page.Of(await transaction.DeadDeliveriesAsync(queue, cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<Ok<RetryReply>, ProblemHttpResult>> Retry(string queue, ClaimsPrincipal user, DeliveryQueues queues, CancellationToken ct) =>
        await queues.RetryDeadAsync(queue, user.ActorName(), ct) is { } count ? TypedResults.Ok(new RetryReply(count)) : NoQueue();

    static async Task<Results<NoContent, ProblemHttpResult>> Discard(string queue, Guid id, ClaimsPrincipal user, DeliveryQueues queues, CancellationToken ct) =>
        !DeadDeliveryViews.Queues.Contains(queue) ? NoQueue()
        : await queues.DiscardDeadAsync(queue, id, user.ActorName(), ct) ? TypedResults.NoContent()
        : TypedResults.Problem($"Nothing that the queue {queue} could not deliver has this id: GET /v1/admin/queues/{queue}/dead lists it.", statusCode: 404, title: "No such delivery");

    static async Task<Ok<Page<SuppressedAddress>>> ListSuppressions(Guid? cursor, int? limit, MailSuppressions suppressions, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await suppressions.ListAsync(cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<NoContent, ProblemHttpResult>> LiftSuppression(Guid id, ClaimsPrincipal user, MailSuppressions suppressions, CancellationToken ct) =>
        await suppressions.LiftAsync(id, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("No suppression has this id: GET /v1/admin/mail-suppressions lists them.", statusCode: 404, title: "No such suppression");

    static async Task<Results<NoContent, ValidationProblem>> AddSuppression(MailEvent body, ClaimsPrincipal user, MailSuppressions suppressions, CancellationToken ct)
    {
        var errors = new FieldErrors();
        errors.Check("address", EmailAddress.Validate(body.Address));
        errors.Check("kind", body.Kind is "bounce" or "complaint" ? null : "Use bounce or complaint. Do not report temporary failures.");
        errors.Check("reason", body.Reason is null || (body.Reason.Length <= MaximumReasonLength && PlainText.IsPrintable(body.Reason))
            ? null : $"Enter one line of at most {MaximumReasonLength} characters, or omit it.");
        if (errors.Count > 0)
        {
            return errors.ToValidationProblem();
        }

        await suppressions.AddAsync(EmailAddress.Normalize(body.Address)!, body.Kind!, body.Reason ?? "", user.ActorName(), ct);
        return TypedResults.NoContent();
    }

    static ProblemHttpResult NoQueue() =>
        TypedResults.Problem($"Use one of these queues: {string.Join(", ", DeadDeliveryViews.Queues)}.", statusCode: 404, title: "No such queue");

    sealed record RetryReply(int Queued);

    /// <param name="Kind">bounce (permanent) or complaint.</param>
    sealed record MailEvent([property: Required] string? Address, [property: Required] string? Kind, string? Reason);
}
