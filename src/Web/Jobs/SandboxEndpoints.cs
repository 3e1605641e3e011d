namespace ControlPlane.Web.Jobs;

/// <summary>What only a sandbox has.</summary>
static class SandboxEndpoints
{
    /// <summary>One move plays every hour on its way, so a slip of the keyboard must not play centuries.</summary>
    const int LongestMoveInYears = 5;

    public static void MapSandbox(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/sandbox/clock", MoveClock).RequireAuthorization(Policies.Operator).WithTags("Sandbox").WithSummary("Move the test clock forward; due jobs run in order");

    static async Task<Results<Ok<ClockReply>, ValidationProblem, ProblemHttpResult>> MoveClock(
        ClockRequest request, MoveSandboxClock move, Clock clock, JobCatalog jobs, CancellationToken ct)
    {
        if (request.Now is not { } now)
        {
            return Wrong("Give the instant to move to, e.g. 2026-02-01T00:00:00Z.");
        }

        if (now > clock.GetUtcNow().AddYears(LongestMoveInYears))
        {
            return Wrong($"Move at most {LongestMoveInYears} years at a time.");
        }

        return await move.RunAsync(jobs.All, now.ToUniversalTime(), ct) switch
        {
            MoveClockResult.Moved moved => TypedResults.Ok(new ClockReply(moved.Now, moved.Ran)),
            MoveClockResult.NotForward { Now: var standing } => TypedResults.Problem(
                $"The clock stands at {standing:yyyy-MM-ddTHH:mm:ssZ}. Give a later instant.", statusCode: 409, title: "Time only moves forward"),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    static ValidationProblem Wrong(string message) => TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["now"] = [message] });

    sealed record ClockRequest(DateTimeOffset? Now);

    sealed record ClockReply(DateTimeOffset Now, IReadOnlyList<TriggeredJobRun> Ran);
}
