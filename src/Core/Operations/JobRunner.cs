using System.Diagnostics;
using System.Text.Json;
using ControlPlane.Database;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Operations;

public abstract record JobResult
{
    public sealed record Finished(JobReport Report) : JobResult;
    /// <summary>Another process is running this job right now.</summary>
    public sealed record AlreadyRunning : JobResult;
    public sealed record Failed(string Why) : JobResult;
}

/// <summary>Runs a job and keeps a record of it. One runner at a time for each job, across all processes.</summary>
public sealed class JobRunner(ControlDatabase database, Clock clock, ILogger<JobRunner> log)
{
    /// <param name="scheduledFor">The moment the run is for: the schedule's, or now.</param>
    public async Task<JobResult> RunAsync(JobDefinition job, DateTimeOffset scheduledFor, CancellationToken ct)
    {
        // A session lock: it ends with the process, so a killed runner never blocks the next one.
        await using var session = await database.OpenJobAsync(ct);
        if (!await session.ScalarAsync<bool>("select pg_try_advisory_lock(hashtextextended('job ' || $1, 0))", ct, job.Name))
        {
            return new JobResult.AlreadyRunning();
        }

        using var activity = Telemetry.Source.StartActivity($"job {job.Name}", ActivityKind.Internal);
        try
        {
            return await RunRecordedAsync(job, scheduledFor, ct);
        }
        finally
        {
            await session.ExecuteAsync("select pg_advisory_unlock(hashtextextended('job ' || $1, 0))", CancellationToken.None, job.Name);
        }
    }

    async Task<JobResult> RunRecordedAsync(JobDefinition job, DateTimeOffset scheduledFor, CancellationToken ct)
    {
        var id = Ids.New(clock);
        await using (var start = await database.BeginJobAsync(ct))
        {
            await start.ExecuteAsync(Start, ct, id, job.Name, scheduledFor, clock.GetUtcNow());
            await start.CommitAsync(ct);
        }

        try
        {
            var report = await job.Run(ct);
            foreach (var alert in report.Alerts)
            {
                log.LogWarning("Job {Job} raises an alert: {Alert}", job.Name, alert);
            }

            await FinishAsync(id, "succeeded", report, ct);
            return new JobResult.Finished(report);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The boundary of a job: whatever went wrong is on record, and the schedule tries again.
            log.LogError(e, "Job {Job} failed", job.Name);
            await FinishAsync(id, "failed", new { error = e.Message }, ct);
            return new JobResult.Failed(e.Message);
        }
    }

    async Task FinishAsync(Guid id, string outcome, object summary, CancellationToken ct)
    {
        await using var finish = await database.BeginJobAsync(ct);
        await finish.ExecuteAsync(Finish, ct, id, outcome, JsonSerializer.Serialize(summary, JsonSerializerOptions.Web), clock.GetUtcNow());
        await finish.CommitAsync(ct);
    }

    // We hold the job's lock, so a run still marked as running belongs to a process that is gone.
    const string Start = """
        with gone as (update control.job_run set outcome = 'abandoned', finished_at = $4 where job = $2 and outcome = 'running')
        insert into control.job_run (id, job, scheduled_for, started_at, outcome) values ($1, $2, $3, $4, 'running')
        """;

    const string Finish = "update control.job_run set outcome = $2, summary = $3::jsonb, finished_at = $4 where id = $1";
}
