using ControlPlane.Accounts.Members;
using ControlPlane.Accounts.Tenants;
using ControlPlane.Notifications.Mail;
using Npgsql;

namespace ControlPlane.Provisioning;

/// <summary>
/// Ends trials, as a part of the job <c>provision</c>: tells the owners, stops the environment, so that it no longer uses a place (<see cref="EnvironmentTable.UsesPlace"/>),
/// also when something else has started it, and finally deletes it with its data. After an upgrade the environment is started again. Each stage commits with its emails and its run.
/// </summary>
public sealed class EndTrials(ControlDatabase database, ControlPlaneOptions options, RetentionPolicy policy, Clock clock)
{
    /// <summary>A tenant whose rows are locked for longer has its turn in the next run, a minute later.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Begins each stage that is due. Any number of processes may do so at once.</summary>
    public async Task RunAsync(JobParts parts, CancellationToken ct)
    {
        List<EndingTrial> trials;
        await using (var transaction = await database.BeginJobAsync(ct))
        {
            trials = await transaction.QueryAsync($"{Select} and (e.trial_stage <> 'running' or s.trial_ends_at <= $1)", Read, ct, clock.GetUtcNow() + TrialEnd.Reminder);
        }

        foreach (var tenant in trials.Where(trial => NextOf(trial.End) is not null || trial.HasStartedAgain).Select(trial => trial.Tenant))
        {
            await parts.TryAsync("end the trial", tenant, () => AdvanceAsync(tenant, ct), ct);
        }
    }

    async Task AdvanceAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        // Locked first, as by a run. The subscription, too, so that no upgrade commits between this decision and the deletion.
        await transaction.ExecuteAsync("select from control.environment where tenant_id = $1 for update", ct, tenant);
        if (await transaction.FirstAsync($"{Select} and e.tenant_id = $1 for share of s", Read, ct, tenant) is not { } trial)
        {
            return;
        }

        if (NextOf(trial.End) is not { } next)
        {
            if (trial.HasStartedAgain)
            {
                await transaction.QueueProvisioningAsync(clock, options, tenant, trial.Slug, RunKinds.Suspend, ct);
                await transaction.CommitAsync(ct);
            }

            return;
        }

        var now = clock.GetUtcNow();
        var end = trial.End with { Stage = next, Since = now };
        await (RunFor(trial.End.Stage, next) is { } run
            ? transaction.QueueProvisioningAsync(clock, options, tenant, trial.Slug, run, ct)
            : Task.CompletedTask);
        if (next == TrialStage.Deleted)
        {
            await transaction.SkipBackupAsync(tenant, "a trial's data is not kept", ct);
            await transaction.MarkDeletionRequestedAsync(clock, tenant, ct);
        }
        else
        {
            await transaction.ExecuteAsync(Update, ct, tenant, NameOf(next), next == TrialStage.Running ? null : now);
        }

        foreach (var recipient in await transaction.ConfirmedOwnersAndBillingAsync(tenant, ct))
        {
            await (TrialMail.Create(options, trial with { End = end }, recipient, policy[RetentionClasses.Trials]) is { } mail
                ? transaction.EnqueueAsync(clock, mail, ct)
                : Task.CompletedTask);
        }

        await transaction.AuditAsync(clock, tenant, "job:provision", $"trial.{(next == TrialStage.Running ? "continued" : NameOf(next))}", null, ct);
        await transaction.CommitAsync(ct);
    }

    TrialStage? NextOf(TrialEnd end) => end.Next(clock.GetUtcNow(), policy[RetentionClasses.Trials]);

    static string? RunFor(TrialStage stage, TrialStage next) => (stage, next) switch
    {
        (_, TrialStage.Stopped) => RunKinds.Suspend,
        (_, TrialStage.Deleted) => RunKinds.Delete,
        (TrialStage.Stopped or TrialStage.Warned, TrialStage.Running) => RunKinds.Resume,
        _ => null,
    };

    static string NameOf(TrialStage stage) => stage.ToString().ToLowerInvariant();

    static EndingTrial Read(NpgsqlDataReader row) => new(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4) == "ready", row.GetString(5), TrialEnd.Read(row, 6));

    // A trial whose environment was never ready has not begun. Those that an operator has suspended are the operator's.
    const string Select = $"""
        select e.tenant_id, t.slug, t.organization, e.address, e.state, t.language, {TrialEnd.Columns}
        from control.environment e
        join control.tenant t on t.id = e.tenant_id
        join control.subscription s on s.tenant_id = e.tenant_id
        where t.status = 'active' and s.status = 'active' and not t.is_deleted and e.first_ready_at is not null
        """;

    const string Update = "update control.environment set trial_stage = $2, trial_stage_at = $3 where tenant_id = $1";
}

/// <param name="Address">Of the environment.</param>
/// <param name="Language">Of mails to the tenant.</param>
sealed record EndingTrial(Guid Tenant, string Slug, string Organization, string Address, bool IsReady, string Language, TrialEnd End)
{
    /// <summary>It was stopped at the end of its trial, and something else has started it, such as an operator who resumed the tenant.</summary>
    public bool HasStartedAgain => IsReady && End.Stage is (TrialStage.Stopped or TrialStage.Warned);
}
