using ControlPlane.Notifications.Mail;
using ControlPlane.Notifications.Webhooks;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Limits;

/// <summary>
/// The job <c>alerts</c>: announces the alerts that usage has raised, by an email to owners and billing members, and a webhook. An alert is a row, written by
/// the transaction that crossed the threshold; email, webhook and the update of the row commit together, for each window by itself. If several thresholds of a
/// window are crossed at once, only the highest is announced.
/// </summary>
public sealed class AnnounceAlerts(ControlDatabase database, Clock clock, ControlPlaneOptions options, ILogger<AnnounceAlerts> log)
{
    /// <summary>A tenant whose rows other work holds for longer is announced later, so that the others need not wait.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(4);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var announced = 0;
        var failures = new List<string>();
        while (await AnnounceNextAsync(ct) is { } outcome)
        {
            if (outcome.Failure is { } failure)
            {
                failures.Add(failure);
            }
            else
            {
                announced++;
            }
        }

        return JobReport.Of(("alerts", announced), ("alerts_failed", failures.Count)) with { Alerts = failures };
    }

    /// <summary>Queues again what is dead.</summary>
    /// <returns>Alerts queued.</returns>
    public async Task<int> RetryDeadAsync(string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var count = await transaction.ExecuteAsync(RetryDead, ct);
        await transaction.ExecuteAsync("select pg_notify('control_job', 'alerts')", ct);
        await transaction.AuditAsync(clock, tenant: null, actor, "alerts.retried", new { count }, ct);
        await transaction.CommitAsync(ct);
        return count;
    }

    /// <summary>Decides that a dead alert is never announced. Its row stays, so that it is not raised again.</summary>
    /// <returns>False when no dead alert has this id.</returns>
    public async Task<bool> DiscardDeadAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.DiscardDeadAsync(DiscardDead, id, clock, actor, "alert.discarded", ct);
    }

    /// <returns>null when nothing is due.</returns>
    async Task<Outcome?> AnnounceNextAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.FirstAsync(
            LockNext, row => new Window(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateOnly>(3)), ct) is not { } window)
        {
            return null;
        }

        string? failure = null;
        await transaction.ExecuteAsync("savepoint before", ct);
        try
        {
            await AnnounceAsync(transaction, window, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && (e is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } || !e.IsDatabaseUnavailable()))
        {
            // The boundary of one window: whatever is wrong with it, the others are announced.
            log.LogError(e, "An alert of tenant {Tenant} could not be announced", window.Tenant);
            failure = $"An alert of tenant {window.Tenant} could not be announced; the reason is at /admin/deliveries";
            await transaction.ExecuteAsync("rollback to savepoint before", ct);
            await transaction.ExecuteAsync(
                Postpone, ct, window.Tenant, window.Meter, window.Span, window.Starts, QueueRetries.ErrorText(e.Message), QueueRetries.MaxAttempts);
        }

        await transaction.CommitAsync(ct);
        return new Outcome(failure);
    }

    async Task AnnounceAsync(Transaction transaction, Window window, CancellationToken ct)
    {
        var crossed = await transaction.QueryAsync(
            MarkAnnounced, row => (Percent: row.GetInt32(0), Maximum: row.GetInt64(1), Hard: row.GetBoolean(2), Used: row.GetInt64(3), RaisedAt: row.GetFieldValue<DateTimeOffset>(4)), ct,
            window.Tenant, window.Meter, window.Span, window.Starts, clock.GetUtcNow());
        // A limit that has changed has steps of its own: the newest ones count.
        var (percent, maximum, hard, used, raisedAt) = crossed.MaxBy(threshold => (threshold.RaisedAt, threshold.Percent));
        var alert = new BudgetAlert(window.Tenant, window.Meter, window.Span, window.Starts, percent, maximum, hard, used, raisedAt);
        foreach (var recipient in await transaction.QueryAsync(
            Recipients, row => new AlertRecipient(row.GetString(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateOnly>(3)), ct, alert.Tenant, alert.Starts))
        {
            await transaction.EnqueueAsync(clock, alert.IsSpend ? SpendAlertMail.Create(options, alert, recipient) : AlertMail.Create(options, alert, recipient), ct);
        }

        await transaction.EnqueueWebhookAsync(
            clock, alert.Tenant, "budget.threshold_reached",
            new { TenantId = alert.Tenant, alert.Limit, WindowStart = alert.Starts, alert.Percent, alert.Maximum, alert.Used, alert.Hard, alert.RaisedAt }, ct);
    }

    sealed record Window(Guid Tenant, string Meter, string Span, DateOnly Starts);

    /// <param name="Failure">null when it was announced.</param>
    sealed record Outcome(string? Failure);

    const string LockNext = """
        select tenant_id, meter, span, starts from control.budget_alert
        where announced_at is null and dead_at is null and next_attempt_at <= now()
        order by next_attempt_at, tenant_id limit 1 for update skip locked
        """;

    const string MarkAnnounced = """
        update control.budget_alert set announced_at = $5, dead_at = null
        where (tenant_id, meter, span, starts) = ($1, $2, $3, $4) and announced_at is null
        returning percent, maximum, hard, used, raised_at
        """;

    // $6: attempts after which an alert is dead. The rows of a window have failed equally often, or were raised since.
    const string Postpone = """
        update control.budget_alert set attempts = attempts + 1, last_error = $5, dead_at = case when attempts + 1 >= $6 then now() end,
            next_attempt_at = now() + make_interval(mins => least(60, 2 ^ attempts)::int)
        where (tenant_id, meter, span, starts) = ($1, $2, $3, $4) and announced_at is null
        """;

    const string RetryDead = "update control.budget_alert set attempts = 0, dead_at = null, next_attempt_at = now() where dead_at is not null and discarded_at is null and announced_at is null";

    const string DiscardDead = $"""
        update control.budget_alert set discarded_at = $2
        where {BudgetAlert.Id} = $1 and dead_at is not null and discarded_at is null and announced_at is null returning tenant_id
        """;

    const string Recipients = """
        select m.email, t.organization, t.language, coalesce(control.next_period_start(s.anchor, $2), $2)
        from control.member m join control.tenant t on t.id = m.tenant_id left join control.subscription s on s.tenant_id = t.id
        where m.tenant_id = $1 and m.role in ('owner', 'billing') and m.confirmed_at is not null order by m.created_at
        """;
}
