using ControlPlane.Accounts.Tenants;
using ControlPlane.Subscriptions;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Provisioning;

public abstract record RunOutcome
{
    public sealed record Succeeded : RunOutcome;
    /// <summary>A step failed and will be retried.</summary>
    public sealed record WillRetry : RunOutcome;
    /// <summary>A step failed for the last time; an operator is needed.</summary>
    public sealed record Failed(Guid Tenant, string Step, string Reason) : RunOutcome;
    /// <summary>Another worker claimed the run, or the process is shutting down.</summary>
    public sealed record Stopped : RunOutcome;
}

/// <summary>Executes the remaining steps of one claimed run, in order.</summary>
public sealed class ExecuteRun(
    ControlDatabase database, ProvisioningSteps steps, IDataPlane dataPlane, ControlPlaneOptions options, ProvisioningOptions provisioning, Clock clock,
    ILogger<ExecuteRun> log)
{
    /// <summary>The ordinal of a failure that belongs to no step.</summary>
    const int NoStep = -1;

    public async Task<RunOutcome> RunAsync(Lease lease)
    {
        using var activity = Instrumentation.Source.StartActivity($"provisioning {lease.Run.Kind}");
        activity?.SetTag("tenant.id", lease.Run.Tenant);
        try
        {
            return await ExecuteStepsAsync(lease, lease.Lost);
        }
        catch (Exception) when (lease.Lost.IsCancellationRequested)
        {
            await lease.ReleaseAsync();
            return new RunOutcome.Stopped();
        }
        catch (Exception e) when (!e.IsDatabaseUnavailable())
        {
            // What is wrong with this run will be wrong again: it counts as an attempt, so that it ends.
            log.LogError(e, "Tenant {Tenant}: run {Run} could not be recorded", lease.Run.Tenant, lease.Run.Id);
            return await FailAsync(lease, NoStep, "record", e.Message, provisioning.DelayAfter(lease.Run.Attempts + 1), lease.Lost);
        }
    }

    async Task<RunOutcome> ExecuteStepsAsync(Lease lease, CancellationToken ct)
    {
        var run = lease.Run;
        List<(int Ordinal, string Name)> remaining = [];
        await lease.WriteAsync(
            async transaction =>
            {
                await transaction.ApplyAsync(clock, run.Tenant, EnvironmentEvent.Started, null, ct);
                remaining = await transaction.QueryAsync(RemainingSteps, row => (row.GetInt32(0), row.GetString(1)), ct, run.Id);
            },
            ct);

        if (run.Interruptions >= provisioning.MaxInterruptions && remaining is [var next, ..])
        {
            return await FailAsync(
                lease, next.Ordinal, next.Name, $"The process that executed this step was interrupted {run.Interruptions} times: by an outage, or by the step itself.", delay: null, ct);
        }

        TenantEnvironment? environment = null;
        foreach (var (ordinal, name) in remaining)
        {
            await lease.WriteAsync(transaction => transaction.ExecuteAsync(StartStep, ct, run.Id, ordinal), ct);
            string detail;
            try
            {
                environment ??= await ReadEnvironmentAsync(run, ct);
                detail = StoredText.Clean(await steps.Find(run.Kind, name)(environment, lease, ct));
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever went wrong in a step is shown to the operator, and the step is retried.
                log.LogWarning(e, "Tenant {Tenant}: step {Step} of run {Run} failed", run.Tenant, name, run.Id);
                return await FailAsync(lease, ordinal, name, e.Message, provisioning.DelayAfter(run.Attempts + 1), ct);
            }

            await lease.WriteAsync(transaction => transaction.ExecuteAsync(FinishStep, ct, run.Id, ordinal, "done", detail), ct);
        }

        await FinishAsync(lease, environment, ct);
        log.LogInformation("Tenant {Tenant}: run {Run} ({Kind}) succeeded", run.Tenant, run.Id, run.Kind);
        return new RunOutcome.Succeeded();
    }

    /// <exception cref="StepFailedException">The tenant's data belongs to another region. Stopping and removing the environment is allowed nevertheless.</exception>
    async Task<TenantEnvironment> ReadEnvironmentAsync(ClaimedRun run, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var environment = await TenantEnvironment.ReadAsync(transaction, options, run.Tenant, clock.GetUtcNow(), ct);
        return environment.Region == options.Region || RunKinds.Outcome(run.Kind) != EnvironmentEvent.Provisioned
            ? environment
            : throw new StepFailedException(
                $"The tenant's data belongs to region {environment.Region}, and this installation is in {options.Region}: provision it there, or correct CONTROLPLANE_REGION.");
    }

    /// <param name="delay">Until the next attempt; null: this was the last one.</param>
    async Task<RunOutcome> FailAsync(Lease lease, int ordinal, string name, string reason, TimeSpan? delay, CancellationToken ct)
    {
        var run = lease.Run;
        reason = StoredText.Clean(reason);
        await lease.WriteAsync(
            async transaction =>
            {
                await transaction.ExecuteAsync(FinishStep, ct, run.Id, ordinal, "failed", reason);
                await transaction.ExecuteAsync(RecordFailure, ct, run.Tenant, name, reason, clock.GetUtcNow());
                if (delay is not null)
                {
                    await transaction.ExecuteAsync(Retry, ct, run.Id, reason, delay);
                }
                else
                {
                    await transaction.ExecuteAsync(FinishRun, ct, run.Id, "failed", run.Attempts + 1, reason, clock.GetUtcNow());
                    await transaction.ApplyAsync(clock, run.Tenant, EnvironmentEvent.Failed, null, ct);
                    await transaction.AuditAsync(clock, run.Tenant, "job:provision", "environment.failed", new { run.Kind, Step = name }, ct);
                }
            },
            ct);
        return delay is null ? new RunOutcome.Failed(run.Tenant, name, reason) : new RunOutcome.WillRetry();
    }

    /// <param name="environment">null: its steps were done before.</param>
    Task FinishAsync(Lease lease, TenantEnvironment? environment, CancellationToken ct) => lease.WriteAsync(
        async transaction =>
        {
            var run = lease.Run;
            var outcome = RunKinds.Outcome(run.Kind);
            await transaction.ExecuteAsync(FinishRun, ct, run.Id, "succeeded", run.Attempts, null, clock.GetUtcNow());
            await transaction.ExecuteAsync(RecordFailure, ct, run.Tenant, null, null, clock.GetUtcNow());
            await transaction.ApplyAsync(clock, run.Tenant, outcome, outcome == EnvironmentEvent.Provisioned ? dataPlane.Ready : null, ct);
            await transaction.AuditAsync(clock, run.Tenant, "job:provision", $"environment.{run.Kind}.done", null, ct);
            if (outcome == EnvironmentEvent.Deleted)
            {
                await transaction.MarkDeletedAsync(clock, run.Tenant, ct);
            }
            else if (outcome == EnvironmentEvent.Provisioned)
            {
                await transaction.ExecuteAsync(RecordApproval, ct, run.Tenant, environment?.IsApproved);
                if (await transaction.ExecuteAsync(MarkFirstReady, ct, run.Tenant, clock.GetUtcNow()) > 0)
                {
                    await transaction.BeginTrialAsync(run.Tenant, clock.GetUtcNow(), ct);
                }
            }
        },
        ct);

    const string RemainingSteps = "select ordinal, name from control.provisioning_step where run_id = $1 and state <> 'done' order by ordinal";

    const string StartStep = """
        update control.provisioning_step set state = 'running', detail = null, started_at = clock_timestamp(), finished_at = null
        where run_id = $1 and ordinal = $2
        """;

    // One that an operator skips meanwhile stays done.
    const string FinishStep = """
        update control.provisioning_step set state = $3, detail = $4, finished_at = clock_timestamp() where run_id = $1 and ordinal = $2 and state <> 'done'
        """;

    const string RecordFailure = "update control.environment set failed_step = $2, failed_reason = $3, updated_at = $4 where tenant_id = $1";

    const string Retry = """
        update control.provisioning_run set state = 'queued', attempts = attempts + 1, error = $2, next_attempt_at = now() + $3, lease_until = null
        where id = $1
        """;

    const string RecordApproval = "update control.environment set is_restricted = coalesce(not $2, is_restricted) where tenant_id = $1";

    const string MarkFirstReady = "update control.environment set first_ready_at = $2 where tenant_id = $1 and first_ready_at is null";

    const string FinishRun = """
        update control.provisioning_run set state = $2, attempts = $3, error = $4, finished_at = $5, lease_until = null where id = $1
        """;
}
