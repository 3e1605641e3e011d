using System.Text.Json;

namespace ControlPlane.Reporting;

/// <summary>The newest run of a job.</summary>
/// <param name="Outcome"><c>running</c>, <c>succeeded</c>, <c>failed</c> or <c>abandoned</c>.</param>
public sealed record JobState(
    string Job, string Outcome, DateTimeOffset StartedAt, DateTimeOffset? FinishedAt, IReadOnlyDictionary<string, long> Counts,
    IReadOnlyList<string> Alerts, string? Error);

public static class JobStates
{
    public static Task<List<JobState>> JobStatesAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.QueryAsync(
            Newest,
            row =>
            {
                var summary = JsonSerializer.Deserialize<Summary>(row.GetString(4), JsonSerializerOptions.Web)!;
                return new JobState(
                    row.GetString(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.Get<DateTimeOffset?>(3),
                    summary.Counts ?? new Dictionary<string, long>(), summary.Alerts ?? [], summary.Error);
            },
            ct, JobSchedules.All.Select(job => job.Name).ToArray());

    // As JobRunner stores it: a report, or the error.
    sealed record Summary(Dictionary<string, long>? Counts, List<string>? Alerts, string? Error);

    // Runs of jobs that a former release had are left out: they have no newer ones.
    const string Newest = """
        select distinct on (job) job, outcome, started_at, finished_at, summary
        from control.job_run where job = any($1) order by job, started_at desc, id desc
        """;
}
