using ControlPlane.Accounts.Tenants;
using ControlPlane.Catalog;
using ControlPlane.Limits;
using ControlPlane.Provisioning;
using ControlPlane.Subscriptions;

namespace ControlPlane.Reporting;

/// <summary>Tokens of one model on one UTC day.</summary>
public sealed record ModelDay(DateOnly Day, string Model, long Tokens);

/// <summary>Tokens and EUR of one model over the days of the chart.</summary>
public sealed record ModelSum(string Model, long Requests, long Tokens, decimal Cost);

/// <summary>The data of a member's dashboard.</summary>
/// <param name="OfToday">Tokens of the UTC day and their limit.</param>
/// <param name="Forecast">null when the plan has no overage rate.</param>
/// <param name="Trial">null before there is an environment.</param>
/// <param name="IsApproved">Of the tenant: <see cref="TenantApproval"/>.</param>
public sealed record DashboardData(
    string Organization, string Status, Plan Plan, Subscription Subscription, BillingPeriod Period, LimitStatus OfToday, LimitStatus OfPeriod,
    OverageForecast? Forecast, IReadOnlyList<ModelDay> Days, IReadOnlyList<ModelSum> Models, EnvironmentStatus? Environment, TrialEnd? Trial, bool IsApproved,
    DateTimeOffset Now)
{
    /// <summary>Days in the chart, today included.</summary>
    public const int ChartDays = 30;

    public DateOnly Today => DateOnly.FromDateTime(Now.UtcDateTime);
}

public static class Dashboards
{
    /// <returns>null before the tenant's subscription has started.</returns>
    public static async Task<DashboardData?> DashboardAsync(this Transaction transaction, ControlPlaneOptions options, Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        if (await transaction.SubscriptionAsync(tenant, ct) is not { } subscription || await transaction.PlanAsync(subscription.Plan, now, ct) is not { } plan)
        {
            return null;
        }

        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var period = BillingPeriod.Containing(subscription.Anchor, today);
        var (organization, status) = await transaction.FirstAsync(
            "select organization, status from control.tenant where id = $1", row => (row.GetString(0), row.GetString(1)), ct, tenant);
        var limits = await transaction.LimitsAsync(tenant, now, ct);
        var tokensInPeriod = await transaction.ScalarAsync<long>(TokensOfPeriod, ct, tenant, period.CountsFrom, period.End);
        var days = await transaction.QueryAsync(
            ByDay, row => new ModelDay(row.GetFieldValue<DateOnly>(0), row.GetString(1), row.GetInt64(2)), ct,
            tenant, today.AddDays(1 - DashboardData.ChartDays), today);
        var models = await transaction.QueryAsync(
            ByModel, row => new ModelSum(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetDecimal(3)), ct,
            tenant, today.AddDays(1 - DashboardData.ChartDays), today);
        var rate = subscription.AgreedOverageEurPerThousand ?? plan.OverageEurPerThousand;
        var forecast = rate is { } eur && plan is { MonthIsHard: false, TokensPerMonth: { } included }
            ? OverageForecast.Of(tokensInPeriod, included, eur, period, now)
            : null;
        return new DashboardData(
            organization!, status!, plan, subscription, period, Find("tokens_per_day"), Find("tokens_per_month"), forecast, days, models,
            await EnvironmentStatus.ReadAsync(transaction, options, tenant, ct), await TrialEnd.ReadAsync(transaction, tenant, ct),
            await transaction.IsApprovedAsync(tenant, ct), now);

        LimitStatus Find(string name) => limits.First(limit => limit.Name == name);
    }

    const string TokensOfPeriod = """
        select coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint from control.usage_counter where tenant_id = $1 and day >= $2 and day < $3
        """;

    const string ByDay = """
        select day, model, sum(prompt_tokens + completion_tokens)::bigint
        from control.usage_counter where tenant_id = $1 and day between $2 and $3 group by day, model
        """;

    const string ByModel = """
        select model, sum(requests)::bigint, sum(prompt_tokens + completion_tokens)::bigint, sum(cost)
        from control.usage_counter where tenant_id = $1 and day between $2 and $3 group by model order by 3 desc, model
        """;
}
