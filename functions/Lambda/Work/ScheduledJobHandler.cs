namespace ControlPlane.Lambda.Work;

/// <summary>Runs the job that a schedule's event names.</summary>
/// <param name="served">The jobs of this function.</param>
sealed class ScheduledJobHandler(JobCatalog jobs, JobRunner runner, Clock clock, IReadOnlyCollection<JobSchedule> served)
{
    /// <exception cref="JobFailedException">The job is unknown, failed, or timed out.</exception>
    public async Task<JobResponse> RunAsync(string? name, Invocation invocation)
    {
        if (name is null || served.All(job => job.Name != name))
        {
            throw new JobFailedException($"""This function has no job "{name}". Set "job" to one of {string.Join(", ", served.Select(job => job.Name).Order())}.""");
        }

        var job = jobs.Find(name)!;
        try
        {
            return await runner.RunAsync(job, clock.GetUtcNow(), invocation.Deadline) switch
            {
                JobResult.Finished { Report: var report } => new JobResponse(name, "succeeded", report.Counts, report.Alerts),
                JobResult.Failed { Reason: var reason } => throw new JobFailedException($"The job {name} failed: {reason}"),
                _ => new JobResponse(name, "already_running"),
            };
        }
        catch (OperationCanceledException) when (invocation.Deadline.IsCancellationRequested)
        {
            throw new JobFailedException($"The job {name} timed out. Its committed work is kept, and the next run continues from there.");
        }
    }
}
