using System.Security.Claims;
using System.Text.Json.Serialization;

namespace ControlPlane.Web.Subscriptions;

static class SubscriptionEndpoints
{
    public static void MapSubscription(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/subscription").RequireAuthorization(Policies.Tenant).WithTags("Subscription");
        group.MapGet("", Get).RequireScope(KeyScopes.BillingRead).RequireRateLimiting(TenantLimits.Reports)
            .WithName("getSubscription").WithSummary("Get the plan, its limits, the used and remaining tokens, and the next invoice as it stands");
        group.MapPut("spend-limit", SetSpendLimit).RequireRateLimiting(TenantLimits.Changes).WithName("setSpendLimit")
            .WithSummary("Set how much usage beyond the plan may cost in a billing period; null: no limit");
    }

    static async Task<Results<Ok<SubscriptionReply>, ProblemHttpResult>> Get(
        ClaimsPrincipal user, ControlDatabase database, NextInvoice next, Clock clock, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var now = clock.GetUtcNow();
        var invoice = await next.FindAsync(tenant, ct);
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.MemberBillingAsync(tenant, now, ct) is not { } billing)
        {
            return TypedResults.Problem("The subscription starts when the email address is verified.", statusCode: 404, title: "No subscription yet");
        }

        var (subscription, plan) = (billing.Subscription, billing.Plan);
        var limits = await transaction.LimitsAsync(tenant, now, ct);
        var period = BillingPeriod.Containing(subscription.Anchor, DateOnly.FromDateTime(now.UtcDateTime));
        return TypedResults.Ok(new SubscriptionReply(
            plan.Name, subscription.Status, subscription.StartedAt, subscription.TrialEndsAt, period.Start, period.End, [.. plan.Offered],
            limits.ToDictionary(limit => limit.Name, Limit.Of), subscription.Access.Stored(),
            billing.Scheduled is { } scheduled ? new ScheduledChangeReply(scheduled.IsCancellation ? "cancellation" : "plan", scheduled.Plan, scheduled.EffectiveOn) : null,
            subscription.SpendLimitEur, invoice is null ? null : new NextInvoiceReply(invoice.NetAmount, invoice.Tax, invoice.TotalAmount, invoice.AmountDue),
            billing.Preview, billing.Interim, billing.Credit));
    }

    static async Task<Results<Ok<SpendLimitReply>, ValidationProblem, ProblemHttpResult>> SetSpendLimit(
        SpendLimitBody body, ClaimsPrincipal user, SetSpendLimit setSpendLimit, CancellationToken ct) => await setSpendLimit.RunAsync(user.TenantId(), body.Eur, user.ActorName(), ct) switch
        {
            SetSpendLimitResult.Done => TypedResults.Ok(new SpendLimitReply(body.Eur)),
            SetSpendLimitResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            _ => TypedResults.Problem("The subscription starts when the email address is verified.", statusCode: 404, title: "No subscription yet"),
        };

    /// <param name="Eur">Before tax; 0 denies all usage beyond the plan, null removes the limit.</param>
    sealed record SpendLimitBody([property: JsonRequired] decimal? Eur);

    sealed record SpendLimitReply([property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] decimal? Eur);
}

/// <param name="Access">full; local_models: an invoice is unpaid, and only local models answer; none: calls are denied.</param>
/// <param name="ScheduledChange">Absent: nothing changes at the end of the period.</param>
/// <param name="SpendLimit">EUR of usage beyond the plan in a period, before tax; absent: no limit.</param>
/// <param name="NextInvoice">As it stands; absent: there would be none.</param>
/// <param name="Preview">What the email two days before the end of the period said; absent before.</param>
/// <param name="InterimInvoices">Usage beyond the plan in this period that is invoiced already, and not again with the next invoice.</param>
/// <param name="Credit">EUR before tax: goodwill and prepaid credit that the next invoices use.</param>
/// <param name="Limits">tokens_per_day, tokens_per_month, rag_files, web_searches_per_month, images_per_month.</param>
sealed record SubscriptionReply(
    string Plan, string Status, DateTimeOffset StartedAt, DateTimeOffset? TrialEndsAt, DateOnly PeriodStart, DateOnly PeriodEnd, IReadOnlyList<string> Models,
    IReadOnlyDictionary<string, Limit> Limits, string Access, ScheduledChangeReply? ScheduledChange, decimal? SpendLimit, NextInvoiceReply? NextInvoice,
    PeriodPreview? Preview, IReadOnlyList<InterimInvoice> InterimInvoices, decimal Credit);

/// <param name="Kind">plan or cancellation.</param>
sealed record ScheduledChangeReply(string Kind, string? Plan, DateOnly EffectiveOn);

/// <summary>EUR.</summary>
sealed record NextInvoiceReply(decimal Net, decimal Tax, decimal Total, decimal AmountDue);

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
