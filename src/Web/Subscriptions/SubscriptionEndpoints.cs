using System.Security.Claims;
using System.Text.Json.Serialization;

namespace ControlPlane.Web.Subscriptions;

static class SubscriptionEndpoints
{
    public static void MapSubscription(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/subscription", Get).RequireAuthorization(Policies.Tenant).RequireScope(KeyScopes.BillingRead)
            .WithName("getSubscription").WithSummary("Get the plan, its limits, and the used and remaining tokens");

    static async Task<Results<Ok<SubscriptionReply>, ProblemHttpResult>> Get(ClaimsPrincipal user, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var now = clock.GetUtcNow();
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.SubscriptionAsync(tenant, ct) is not { } subscription || await transaction.PlanAsync(subscription.Plan, now, ct) is not { } plan)
        {
            return TypedResults.Problem("The subscription starts when the email address is verified.", statusCode: 404, title: "No subscription yet");
        }

        var limits = await transaction.LimitsAsync(tenant, now, ct);
        var period = BillingPeriod.Containing(subscription.Anchor, DateOnly.FromDateTime(now.UtcDateTime));
        return TypedResults.Ok(new SubscriptionReply(
            plan.Name, subscription.Status, subscription.StartedAt, subscription.TrialEndsAt, period.Start, period.End, [.. plan.Offered],
            limits.ToDictionary(limit => limit.Name, Limit.Of)));
    }
}

/// <param name="Limits">tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, images_per_month.</param>
sealed record SubscriptionReply(
    string Plan, string Status, DateTimeOffset StartedAt, DateTimeOffset? TrialEndsAt, DateOnly PeriodStart, DateOnly PeriodEnd, IReadOnlyList<string> Models,
    IReadOnlyDictionary<string, Limit> Limits);

/// <param name="Maximum">null: unlimited.</param>
/// <param name="Hard">true: calls beyond the limit are denied. false: they are billed as overage.</param>
/// <param name="Reserved">Reserved by authorizations that have not been settled yet.</param>
/// <param name="Remaining">null: unlimited.</param>
sealed record Limit(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Maximum, bool Hard, long Used, long Reserved,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Remaining)
{
    public static Limit Of(LimitStatus limit) => new(limit.Maximum, limit.Hard, limit.Used, limit.Reserved, limit.Remaining);
}
