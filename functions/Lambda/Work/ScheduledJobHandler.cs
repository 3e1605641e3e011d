namespace ControlPlane.Lambda.Work;

/// <summary>Runs the job that a schedule names.</summary>
/// <param name="served">The jobs of this function.</param>
sealed class ScheduledJobHandler(JobCatalog jobs, JobRunner runner, Clock clock, IReadOnlyCollection<JobSchedule> served)
{
    /// <exception cref="JobFailedException">There is no such job here, it failed, or the time was up.</exception>
    public async Task<JobAnswer> RunAsync(string? name, Invocation invocation)
    {
        if (name is null || served.All(job => job.Name != name))
        {
            throw new JobFailedException($"""There is no job "{name}" here. Send "job" as one of {string.Join(", ", served.Select(job => job.Name).Order())}.""");
        }

        var job = jobs.Find(name)!;
        try
        {
            return await runner.RunAsync(job, clock.GetUtcNow(), invocation.Deadline) switch
            {
                JobResult.Finished { Report: var report } => new JobAnswer(name, "succeeded", report.Counts, report.Alerts),
                JobResult.Failed { Why: var why } => throw new JobFailedException($"The job {name} failed: {why}"),
                _ => new JobAnswer(name, "already_running"),
            };
        }
        catch (OperationCanceledException) when (invocation.Deadline.IsCancellationRequested)
        {
            throw new JobFailedException($"The time for the job {name} was up. What it has committed stays, and its next run goes on from there.");
        }
    }
}
