using NCrontab;

namespace ControlPlane.Platform.Jobs;

/// <summary>A job and the moment its schedule names.</summary>
public sealed record Occurrence(JobDefinition Job, DateTimeOffset At);

/// <summary>When jobs are due. Pure: the same jobs and times give the same answer.</summary>
public static class CronSchedule
{
    /// <summary>The first moment after <paramref name="after"/>.</summary>
    public static DateTimeOffset Next(JobDefinition job, DateTimeOffset after) =>
        new(CrontabSchedule.Parse(job.Cron).GetNextOccurrence(after.UtcDateTime), TimeSpan.Zero);

    /// <summary>The moment a run was due for at the latest, when one was since <paramref name="last"/>; null when none was.</summary>
    /// <param name="last">What the last run was for; null: the job never ran, so it missed nothing.</param>
    public static DateTimeOffset? Missed(JobDefinition job, DateTimeOffset? last, DateTimeOffset now)
    {
        if (last is not { } since || Next(job, since) > now)
        {
            return null;
        }

        // Looks back in steps that double, so that neither a frequent job nor a rare one is stepped through from its last run on.
        for (var back = TimeSpan.FromHours(1); ; back *= 2)
        {
            var from = now - back > since ? now - back : since;
            if (Between([job], from, now).LastOrDefault() is { } newest)
            {
                return newest.At;
            }
        }
    }

    /// <summary>Every moment in (<paramref name="after"/>, <paramref name="until"/>], in order of time; at the same moment in the order of the jobs.</summary>
    public static IEnumerable<Occurrence> Between(IReadOnlyList<JobDefinition> jobs, DateTimeOffset after, DateTimeOffset until) =>
        jobs.SelectMany(job => Between(job, after, until)).OrderBy(due => due.At);

    /// <summary>Whether the job runs at most once an hour. What runs more often looks after real things, not after the books.</summary>
    public static bool RunsAtMostHourly(JobDefinition job)
    {
        var day = Between(job, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1)).Select(due => due.At).ToList();
        return day.Zip(day.Skip(1), (one, next) => next - one).All(gap => gap >= TimeSpan.FromHours(1));
    }

    static IEnumerable<Occurrence> Between(JobDefinition job, DateTimeOffset after, DateTimeOffset until)
    {
        var schedule = CrontabSchedule.Parse(job.Cron);
        for (var at = schedule.GetNextOccurrence(after.UtcDateTime); at <= until.UtcDateTime; at = schedule.GetNextOccurrence(at))
        {
            yield return new Occurrence(job, new DateTimeOffset(at, TimeSpan.Zero));
        }
    }
}
