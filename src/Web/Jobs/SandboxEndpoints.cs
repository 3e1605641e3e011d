using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Jobs;

/// <summary>Endpoints that exist only in a sandbox.</summary>
static class SandboxEndpoints
{
    /// <summary>Each advance replays every hour, so a typo must not replay centuries.</summary>
    const int MaximumAdvanceInYears = 5;

    public static void MapSandbox(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/sandbox/clock", AdvanceClock).RequireAuthorization(Policies.Operator).WithTags("Sandbox")
            .WithName("advanceSandboxClock").WithSummary("Advance the sandbox clock; due jobs run in order");
        routes.MapPost("/v1/sandbox/payments", SetPayments).RequireAuthorization(Policies.Operator).WithTags("Sandbox")
            .WithName("setSandboxPayments").WithSummary("Decide what a tenant's test payments lead to, or take the newest one back")
            .WithDescription($"outcome: {string.Join(", ", SandboxPayments.Outcomes)}, or {SetSandboxOutcome.Reverse}, which disputes the newest payment at once. A pending debit ends after five days.");
    }

    static async Task<Results<Ok<PaymentsReply>, ValidationProblem, ProblemHttpResult>> SetPayments(
        PaymentsRequest request, ClaimsPrincipal user, SetSandboxOutcome set, CancellationToken ct)
    {
        var errors = new FieldErrors();
        errors.Check("tenant_id", request.TenantId is null ? "Enter the id of a tenant." : null);
        errors.Check("outcome", request.Outcome is null ? UnknownOutcome : null);
        return errors.Count > 0
            ? errors.ToValidationProblem()
            : await set.RunAsync(request.TenantId!.Value, request.Outcome!, user.ActorName(), ct) switch
            {
                SandboxOutcomeResult.Set => TypedResults.Ok(new PaymentsReply(request.Outcome!, ReversedInvoice: null)),
                SandboxOutcomeResult.Reversed reversed => TypedResults.Ok(new PaymentsReply(request.Outcome!, reversed.Number)),
                SandboxOutcomeResult.UnknownOutcome => new FieldErrors { ["outcome"] = UnknownOutcome }.ToValidationProblem(),
                SandboxOutcomeResult.NotUsed => TypedResults.Problem("Payments go to the configured provider. Use its test cards.", statusCode: 409, title: "No test payments"),
                SandboxOutcomeResult.NothingToReverse => TypedResults.Problem("No invoice of the tenant is paid.", statusCode: 409, title: "Nothing to reverse"),
                _ => TypedResults.Problem("No tenant has this id: GET /v1/admin/tenants lists them.", statusCode: 404, title: "No such tenant"),
            };
    }

    static async Task<Results<Ok<ClockReply>, ValidationProblem, ProblemHttpResult>> AdvanceClock(
        ClockRequest request, ClaimsPrincipal user, MoveSandboxClock move, Clock clock, JobCatalog jobs, CancellationToken ct)
    {
        if (request.Now is not { } now)
        {
            return Invalid("Enter the time to advance to, such as 2026-02-01T00:00:00Z.");
        }

        if (now > clock.GetUtcNow().AddYears(MaximumAdvanceInYears))
        {
            return Invalid($"Advance the clock by at most {MaximumAdvanceInYears} years per request.");
        }

        return await move.RunAsync(jobs.All, now.ToUniversalTime(), ct, user.ActorName()) switch
        {
            MoveClockResult.Moved moved => TypedResults.Ok(new ClockReply(moved.Now, moved.Ran)),
            MoveClockResult.NotForward { Now: var current } => TypedResults.Problem(
                $"The clock is at {current:yyyy-MM-ddTHH:mm:ssZ}. Enter a later time.", statusCode: 409, title: "The clock only moves forward"),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    static string UnknownOutcome => $"Use {string.Join(", ", SandboxPayments.Outcomes)} or {SetSandboxOutcome.Reverse}.";

    static ValidationProblem Invalid(string message) => TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["now"] = [message] });

    sealed record ClockRequest([property: Required] DateTimeOffset? Now);

    sealed record PaymentsRequest([property: Required] Guid? TenantId, [property: Required] string? Outcome);

    /// <param name="ReversedInvoice">Whose payment was taken back.</param>
    sealed record PaymentsReply(string Outcome, string? ReversedInvoice);

    sealed record ClockReply(DateTimeOffset Now, IReadOnlyList<TriggeredJobRun> Ran);
}
