using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Jobs;

/// <summary>Endpoints that exist only in a sandbox.</summary>
static class SandboxEndpoints
{
    /// <summary>Each advance replays every hour, so a typo must not replay centuries.</summary>
    const int MaximumAdvanceInYears = 5;

    public static void MapSandbox(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/sandbox/clock", AdvanceClock).RequireAuthorization(Policies.Operator).WithTags("Sandbox")
            .WithName("advanceSandboxClock").WithSummary("Advance the sandbox clock; due jobs run in order");

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

    static ValidationProblem Invalid(string message) => TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["now"] = [message] });

    sealed record ClockRequest([property: Required] DateTimeOffset? Now);

    sealed record ClockReply(DateTimeOffset Now, IReadOnlyList<TriggeredJobRun> Ran);
}
