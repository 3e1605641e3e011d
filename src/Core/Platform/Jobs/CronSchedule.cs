using NCrontab;

namespace ControlPlane.Platform.Jobs;

/// <summary>A job and a time at which it is due.</summary>
public sealed record Occurrence(JobDefinition Job, DateTimeOffset At);

/// <summary>When jobs are due. Pure functions.</summary>
public static class CronSchedule
{
    /// <summary>The first due time after <paramref name="after"/>.</summary>
    public static DateTimeOffset Next(JobDefinition job, DateTimeOffset after) =>
        new(CrontabSchedule.Parse(job.Cron).GetNextOccurrence(after.UtcDateTime), TimeSpan.Zero);

    /// <summary>The next due time after a run has ended: after failures 5, 10, 20, … minutes later, then once an hour, if that is sooner.</summary>
    /// <param name="failures">How many of the latest runs in a row failed.</param>
    public static DateTimeOffset AfterRun(JobDefinition job, DateTimeOffset now, int failures)
    {
        var (next, retry) = (Next(job, now), now.AddMinutes(Math.Min(60, 5 * Math.Pow(2, failures - 1))));
        return failures > 0 && retry < next ? retry : next;
    }

    /// <summary>The latest due time since <paramref name="last"/>; null when there was none.</summary>
    /// <param name="last">The due time of the last run that succeeded; null: there was none, so nothing is missed.</param>
    public static DateTimeOffset? Missed(JobDefinition job, DateTimeOffset? last, DateTimeOffset now)
    {
        if (last is not { } since || Next(job, since) > now)
        {
            return null;
        }

        // Searches backwards in steps that double, so that neither a frequent nor a rare job is stepped through from its last run.
        for (var back = TimeSpan.FromHours(1); ; back *= 2)
        {
            var from = now - back > since ? now - back : since;
            if (Between([job], from, now).LastOrDefault() is { } newest)
            {
                return newest.At;
            }
        }
    }

    /// <summary>Every due time in (<paramref name="after"/>, <paramref name="until"/>], ordered by time and then by the order of the jobs.</summary>
    public static IEnumerable<Occurrence> Between(IReadOnlyList<JobDefinition> jobs, DateTimeOffset after, DateTimeOffset until) =>
        jobs.SelectMany(job => Between(job, after, until)).OrderBy(due => due.At);

    /// <summary>Whether the job runs at most once an hour. More frequent jobs drain queues and are not replayed by the sandbox clock.</summary>
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
