using ControlPlane.Notifications.Mail;
using ControlPlane.Notifications.Webhooks;

namespace ControlPlane.Limits;

/// <summary>An alert threshold of a limit that usage has reached.</summary>
/// <param name="Starts">First UTC day of the window.</param>
/// <param name="Percent">50, 80 or 100.</param>
/// <param name="Hard">Beyond the limit calls are denied; otherwise they are billed as overage.</param>
public sealed record BudgetAlert(
    Guid Tenant, string Meter, string Span, DateOnly Starts, int Percent, long Maximum, bool Hard, long Used, DateTimeOffset RaisedAt)
{
    /// <summary>As in GET /v1/subscription.</summary>
    public string Limit => (Meter, Span) switch
    {
        ("tokens", "day") => "tokens_per_day",
        ("tokens", _) => "tokens_per_month",
        ("feature:rag_file", _) => "rag_files",
        ("feature:web_search", _) => "web_searches_per_month",
        ("feature:image", _) => "images_per_month",
        var other => throw new InvalidOperationException($"Unknown limit {other}."),
    };
}

/// <summary>
/// Announces the alerts that usage has raised: an email to owners and billing members, and a webhook. An alert is a row, written by the transaction that
/// crossed the threshold; email, webhook and the update of the row commit together. If several thresholds are crossed at once, only the highest is announced.
/// </summary>
public sealed class AnnounceAlerts(ControlDatabase database, Clock clock, ControlPlaneOptions options)
{
    const int BatchSize = 300;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var announced = 0;
        while (true)
        {
            await using var transaction = await database.BeginJobAsync(ct);
            var raised = await transaction.QueryAsync(
                ClaimAlerts,
                row => new BudgetAlert(
                    row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateOnly>(3), row.GetInt32(4), row.GetInt64(5), row.GetBoolean(6),
                    row.GetInt64(7), row.GetFieldValue<DateTimeOffset>(8)),
                ct, clock.GetUtcNow(), BatchSize);
            if (raised.Count == 0)
            {
                return JobReport.Of(("alerts", announced));
            }

            foreach (var alert in raised.GroupBy(a => (a.Tenant, a.Meter, a.Span, a.Starts)).Select(window => window.MaxBy(a => a.Percent)!))
            {
                await AnnounceAsync(transaction, alert, ct);
                announced++;
            }

            await transaction.CommitAsync(ct);
        }
    }

    async Task AnnounceAsync(Transaction transaction, BudgetAlert alert, CancellationToken ct)
    {
        foreach (var (recipient, organization) in await transaction.QueryAsync(Recipients, row => (row.GetString(0), row.GetString(1)), ct, alert.Tenant))
        {
            await transaction.EnqueueAsync(clock, AlertMail.Create(options, alert, organization, recipient), ct);
        }

        await transaction.EnqueueWebhookAsync(
            clock, alert.Tenant, "budget.threshold_reached",
            new { TenantId = alert.Tenant, alert.Limit, WindowStart = alert.Starts, alert.Percent, alert.Maximum, alert.Used, alert.Hard, alert.RaisedAt }, ct);
    }

    const string ClaimAlerts = """
        with due as (
            select tenant_id, meter, span, starts, percent from control.budget_alert where announced_at is null
            order by tenant_id, meter, span, starts, percent limit $2 for update skip locked)
        update control.budget_alert a set announced_at = $1 from due d
        where (a.tenant_id, a.meter, a.span, a.starts, a.percent) = (d.tenant_id, d.meter, d.span, d.starts, d.percent)
        returning a.tenant_id, a.meter, a.span, a.starts, a.percent, a.maximum, a.hard, a.used, a.raised_at
        """;

    const string Recipients = """
        select m.email, t.organization from control.member m join control.tenant t on t.id = m.tenant_id
        where m.tenant_id = $1 and m.role in ('owner', 'billing') and m.confirmed_at is not null order by m.created_at
        """;
}
