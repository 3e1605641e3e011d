using System.Security.Claims;
using System.Text.Json.Serialization;
using ControlPlane.Database;
using ControlPlane.Http.Hosting;
using ControlPlane.Operations;
using ControlPlane.Plans;
using ControlPlane.Usage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.Http;

static class SubscriptionEndpoints
{
    public static void MapSubscription(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/subscription", Get).RequireAuthorization(Policies.Tenant).WithSummary("Current plan, limits, used and remaining tokens");

    static async Task<Results<Ok<SubscriptionReply>, ProblemHttpResult>> Get(ClaimsPrincipal user, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.SubscriptionAsync(tenant, ct) is not { } subscription || await transaction.PlanAsync(subscription.Plan, now, ct) is not { } plan)
        {
            return TypedResults.Problem("The subscription starts when the mail address is verified.", statusCode: 404, title: "No subscription yet");
        }

        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var period = BillingPeriod.Containing(subscription.Anchor, today);
        return TypedResults.Ok(new SubscriptionReply(
            plan.Name, subscription.Status, subscription.StartedAt, subscription.TrialEndsAt, period.Start, period.End, plan.Models,
            Limit.Of(plan.TokensPerDay, hard: true, await UsedAsync(today, today.AddDays(1))),
            Limit.Of(plan.TokensPerMonth, plan.MonthIsHard, await UsedAsync(period.Start, period.End))));

        async Task<long> UsedAsync(DateOnly from, DateOnly to) =>
            (await transaction.UsageAsync(tenant, from, to, UsageGrouping.None, 0, 1, ct)).Sum(row => row.TotalTokens);
    }
}

/// <param name="TokensPerDay">Of the current UTC day.</param>
/// <param name="TokensPerMonth">Of the current billing period.</param>
sealed record SubscriptionReply(
    string Plan, string Status, DateTimeOffset StartedAt, DateTimeOffset? TrialEndsAt, DateOnly PeriodStart, DateOnly PeriodEnd, IReadOnlyList<string> Models,
    Limit TokensPerDay, Limit TokensPerMonth);

/// <param name="Tokens">null: unlimited.</param>
/// <param name="Hard">Beyond it calls are denied; otherwise they are billed as overage.</param>
/// <param name="Remaining">null: unlimited.</param>
sealed record Limit(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Tokens, bool Hard, long Used,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Remaining)
{
    public static Limit Of(long? tokens, bool hard, long used) => new(tokens, hard, used, tokens is { } limit ? Math.Max(0, limit - used) : null);
}
