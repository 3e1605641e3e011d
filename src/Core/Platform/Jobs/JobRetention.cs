namespace ControlPlane.Platform.Jobs;

/// <summary>When the records of job runs are deleted.</summary>
public static class JobRetention
{
    public static IReadOnlyList<Purge> Purges => [new(RetentionClasses.Jobs, "job_runs", DeleteRuns)];

    // The schedule continues from the newest run of a job that succeeded; after such a long time without one, from now.
    const string DeleteRuns = """
        delete from control.job_run where id in (
            select id from control.job_run r
            where r.started_at < $1
              and exists (select 1 from control.job_run newer where newer.job = r.job and newer.scheduled_for > r.scheduled_for)
            order by r.started_at limit $2)
        """;
}
