using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Platform.Jobs;

public abstract record JobResult
{
    public sealed record Finished(JobReport Report) : JobResult;
    /// <summary>Another process is running this job.</summary>
    public sealed record AlreadyRunning : JobResult;
    /// <param name="Report">What was done all the same; null when the run ended at the failure.</param>
    public sealed record Failed(string Reason, JobReport? Report = null) : JobResult;
}

/// <summary>Runs jobs and records each run. A job never runs twice at the same time, across all processes.</summary>
public sealed class JobRunner(ControlDatabase database, Clock clock, ILogger<JobRunner> log)
{
    const int MaxReportedFailures = 20;

    /// <param name="scheduledFor">The due time of the run, or now.</param>
    /// <param name="actor">The operator who runs it, for the audit log; null for the schedule.</param>
    /// <exception cref="NpgsqlException">The database is unavailable, or became so while the job ran.</exception>
    public async Task<JobResult> RunAsync(JobDefinition job, DateTimeOffset scheduledFor, CancellationToken ct, string? actor = null)
    {
        // A session lock: it ends with the process, so a killed runner never blocks the next one.
        await using var session = await database.OpenJobAsync(ct);
        if (!await session.ScalarAsync<bool>(TryLock, ct, job.Name))
        {
            return new JobResult.AlreadyRunning();
        }

        using var activity = Instrumentation.Source.StartActivity($"job {job.Name}", ActivityKind.Internal);
        try
        {
            await (actor is null ? Task.CompletedTask : AuditAsync(job, actor, ct));
            return await RunRecordedAsync(session, job, scheduledFor, ct);
        }
        finally
        {
            // A lost connection has released the lock already.
            if (session.IsOpen)
            {
                await session.ExecuteAsync("select pg_advisory_unlock(hashtextextended('job ' || $1, 0))", CancellationToken.None, job.Name);
            }
        }
    }

    /// <summary>The due time of the job's newest run that succeeded: one that failed, or whose process was killed, has to be repeated.</summary>
    public async Task<DateTimeOffset?> LastScheduledAsync(JobDefinition job, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<DateTimeOffset?>("select max(scheduled_for) from control.job_run where job = $1 and outcome = 'succeeded'", ct, job.Name);
    }

    async Task<JobResult> RunRecordedAsync(Session session, JobDefinition job, DateTimeOffset scheduledFor, CancellationToken ct)
    {
        var id = Ids.New(clock);
        await session.ExecuteAsync(Start, ct, id, job.Name, scheduledFor, clock.GetUtcNow());
        try
        {
            var report = Clean(await job.Run(ct));
            foreach (var alert in report.Alerts)
            {
                log.LogWarning("Job {Job} raised an alert: {Alert}", job.Name, alert);
            }

            if (report.Failures.Count > 0)
            {
                return await FailAsync(session, id, report);
            }

            // Queues are polled every few seconds, so runs that found one empty are not kept.
            await (job.DrainsQueue && report.DidNothing ? session.ExecuteAsync(DeleteRun, ct, id) : FinishAsync(session, id, "succeeded", report, ct));
            return new JobResult.Finished(report);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            // The boundary of a job: any failure is recorded, and the schedule retries.
            log.LogError(e, "Job {Job} failed", job.Name);
            if (!session.IsOpen)
            {
                // It cannot be recorded over a lost connection; the next run marks this one as abandoned.
                throw new NpgsqlException($"The connection was lost while the job {job.Name} ran.", e);
            }

            await FinishAsync(session, id, "failed", new { error = StoredText.Clean(e.Message) }, ct);
            return new JobResult.Failed(e.Message);
        }
    }

    // They quote other programs.
    static JobReport Clean(JobReport report) => report with
    {
        Alerts = [.. report.Alerts.Select(StoredText.Clean)],
        Failures = [.. report.Failures.Select(StoredText.Clean)],
    };

    // What was done is recorded as well. Also while the process is shutting down: the work is committed.
    async Task<JobResult> FailAsync(Session session, Guid id, JobReport report)
    {
        var reason = string.Join("; ", report.Failures.Take(MaxReportedFailures))
            + (report.Failures.Count > MaxReportedFailures ? $"; and {report.Failures.Count - MaxReportedFailures} more" : "");
        await FinishAsync(session, id, "failed", new { error = reason, report.Counts, report.Alerts }, CancellationToken.None);
        return new JobResult.Failed(reason, report);
    }

    async Task AuditAsync(JobDefinition job, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.AuditAsync(clock, null, actor, "job.run", new { job = job.Name }, ct);
        await transaction.CommitAsync(ct);
    }

    Task<int> FinishAsync(Session session, Guid id, string outcome, object summary, CancellationToken ct) =>
        session.ExecuteAsync(Finish, ct, id, outcome, JsonSerializer.Serialize(summary, JsonSerializerOptions.Web), clock.GetUtcNow());

    // The record of a run need not be durable before the run starts: the job's own commits come later and are.
    const string TryLock = """
        select pg_try_advisory_lock(hashtextextended('job ' || $1, 0)) from (select set_config('synchronous_commit', 'off', false)) as no_wait_for_disk
        """;

    // The caller holds the job's lock, so a run that is still marked as running belongs to a process that was killed.
    const string Start = """
        with abandoned as (update control.job_run set outcome = 'abandoned', finished_at = $4 where job = $2 and outcome = 'running')
        insert into control.job_run (id, job, scheduled_for, started_at, outcome) values ($1, $2, $3, $4, 'running')
        """;

    const string DeleteRun = "delete from control.job_run where id = $1";

    const string Finish = "update control.job_run set outcome = $2, summary = $3::jsonb, finished_at = $4 where id = $1";
}
