namespace ControlPlane.Platform.Jobs;

/// <summary>Tells a job that drains a queue that a transaction has added work for it.</summary>
public static class JobAnnouncements
{
    /// <summary>Takes effect when, and only when, the transaction commits: listening hosts are notified by the database, others by <see cref="ControlDatabase.Announced"/>.
    /// The announcement may be lost; the job's schedule finds the work too.</summary>
    public static Task AnnounceJobAsync(this Transaction transaction, JobSchedule job, Guid tenant, CancellationToken ct)
    {
        transaction.Announce(new Announcement(job.Name, tenant));
        return transaction.ExecuteAsync("select pg_notify('control_job', $1)", ct, job.Name);
    }
}
