using System.Globalization;

namespace ControlPlane.Benchmarks.Measures;

/// <summary>Many subscriptions for the billing job. Their tenants are suspended by an operator, so that no other job has anything to do for them.</summary>
static class Subscriptions
{
    /// <summary>Adds subscriptions whose first period has ended today, with the preview sent: all that is due is their invoice.</summary>
    public static async Task AddDueAsync(BenchEnvironment environment, int count, CancellationToken ct)
    {
        await AddAsync(environment, count, "(date_trunc('day', now() at time zone 'UTC') - interval '1 month')::date", "'-infinity'", ct);
        await environment.ExecuteAsync(
            """
            insert into control.billing_period (tenant_id, number, starts_on, ends_on, stage, stage_since, entered_at)
            select tenant_id, 1, anchor, control.nth_period_start(anchor, 2), 'previewed', now() - interval '2 days', now() - interval '2 days'
            from control.subscription where billing_due_at = '-infinity' on conflict do nothing
            """,
            ct);
        await AnalyzeAsync(environment, ct);
    }

    /// <summary>Adds subscriptions that have nothing due for days.</summary>
    public static async Task AddIdleAsync(BenchEnvironment environment, int count, CancellationToken ct)
    {
        await AddAsync(environment, count, "(now() at time zone 'UTC')::date - (n % 25)", "date_trunc('day', now()) + make_interval(days => 2 + n % 25)", ct);
        await AnalyzeAsync(environment, ct);
    }

    static Task AddAsync(BenchEnvironment environment, int count, string anchor, string dueAt, CancellationToken ct) => environment.ExecuteAsync(
        string.Create(CultureInfo.InvariantCulture, $"""
            with added as (
                insert into control.tenant (id, slug, organization, country, requested_plan, status, created_at, verified_at, approved_at, address_line1, postal_code, city)
                select id, 'due-' || right(replace(id::text, '-', ''), 24), 'Organization ' || n, 'DE', 'basic', 'suspended', now(), now(), now(), 'Hauptstraße 1', '10115', 'Berlin'
                from (select gen_random_uuid() as id, n from generate_series(1, {count}) n) numbered returning id, right(organization, -13)::int as n)
            insert into control.subscription (tenant_id, plan, status, started_at, anchor, billing_due_at)
            select id, 'basic', 'active', ({anchor})::timestamp at time zone 'UTC', {anchor}, {dueAt} from added
            """),
        ct);

    static async Task AnalyzeAsync(BenchEnvironment environment, CancellationToken ct)
    {
        foreach (var table in new[] { "tenant", "subscription", "billing_period" })
        {
            await environment.ExecuteAsync($"vacuum analyze control.{table}", ct);
        }

        await environment.ExecuteAsync("checkpoint", ct);
    }
}
