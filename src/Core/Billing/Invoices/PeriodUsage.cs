using ControlPlane.Catalog;
using ControlPlane.Metering.Ingestion;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Invoices;

/// <summary>The usage on a period's invoice, totalled from the events.</summary>
/// <param name="Tokens">Used within the period.</param>
/// <param name="Late">Of periods invoiced earlier.</param>
public sealed record PeriodUsage(long Tokens, IReadOnlyList<LateUsage> Late)
{
    /// <summary>Call it under <see cref="BillingLock.Acquire"/>, so that no event is added to the period afterwards.</summary>
    public static async Task<PeriodUsage> ReadAsync(Transaction transaction, Subscription subscription, BillingPeriod period, CancellationToken ct)
    {
        var days = await transaction.QueryAsync(
            TokensByDay, row => (Day: row.GetFieldValue<DateOnly>(0), Tokens: row.GetInt64(1)), ct, subscription.Tenant, period.Number, period.Start, period.EndsAt);
        var tokens = 0L;
        var late = new List<LateUsage>();
        foreach (var origin in days.GroupBy(day => BillingPeriod.Containing(subscription.Anchor, day.Day)))
        {
            var sum = origin.Sum(day => day.Tokens);
            if (origin.Key.Number >= period.Number)
            {
                tokens += sum;
                continue;
            }

            var billed = await transaction.ScalarAsync<long>(
                BilledTokens, ct, subscription.Tenant, StartOf(origin.Key.CountsFrom), origin.Key.EndsAt, period.Number);
            late.Add(new LateUsage(origin.Key, await TermsAsync(transaction, subscription, origin.Key, ct), billed, sum));
        }

        return new PeriodUsage(tokens, late);
    }

    /// <summary>The terms a period is billed at: those in force at its start, of the plan on its invoice or, before there is one, of the current plan.</summary>
    public static async Task<PeriodTerms> TermsAsync(Transaction transaction, Subscription subscription, BillingPeriod period, CancellationToken ct)
    {
        var name = await transaction.ScalarAsync<string>(
            "select plan from control.invoice where tenant_id = $1 and period = $2", ct, subscription.Tenant, period.Number) ?? subscription.Plan;
        var plan = await transaction.PlanAsync(name, StartOf(period.Start), ct)
            ?? throw new InvalidOperationException($"Plan {name} has no terms for {period.Start:O}.");
        return new PeriodTerms(
            plan.Title, subscription.AgreedEurPerMonth ?? plan.PriceEurPerMonth ?? 0, plan.TokensPerMonth,
            plan.MonthIsHard ? null : subscription.AgreedOverageEurPerThousand ?? plan.OverageEurPerThousand);
    }

    static DateTimeOffset StartOf(DateOnly day) => new(day, TimeOnly.MinValue, TimeSpan.Zero);

    // Late events are at most this much older than the period, unless an operator replayed them. The lower bound excludes old partitions.
    static readonly string TokensByDay = $"""
        select (occurred_at at time zone 'UTC')::date, sum(prompt_tokens + completion_tokens)::bigint
        from control.usage_event
        where tenant_id = $1 and period = $2 and occurred_at < $4
          and occurred_at >= least(
              $3::date - {UsageAge.OpenDays},
              (select min(occurred_on) from control.quarantine
               where tenant_id = $1 and state = 'replayed' and replayed_at >= $3::date - {UsageAge.OpenDays}))::timestamp at time zone 'UTC'
        group by 1
        """;

    const string BilledTokens = """
        select coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint from control.usage_event
        where tenant_id = $1 and occurred_at >= $2 and occurred_at < $3 and period < $4
        """;
}
