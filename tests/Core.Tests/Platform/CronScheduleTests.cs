using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace ControlPlane.Tests.Platform;

public class CronScheduleTests
{
    static readonly JobDefinition Hourly = Job("hourly", "0 * * * *");
    static readonly JobDefinition Daily = Job("daily", "10 0 * * *");
    static readonly JobDefinition EveryFiveMinutes = Job("often", "*/5 * * * *");

    [Fact]
    public void Due_times_of_several_jobs_are_ordered_by_time_and_then_by_job()
    {
        var midnight = Job("midnight", "0 0 * * *");
        var due = CronSchedule.Between([Hourly, midnight, Daily], At("2026-01-01T22:30"), At("2026-01-02T01:00"));
        Assert.Equal(
            ["hourly 01T23:00", "hourly 02T00:00", "midnight 02T00:00", "daily 02T00:10", "hourly 02T01:00"],
            due.Select(one => $"{one.Job.Name} {one.At:dd'T'HH:mm}"));
    }

    [Fact]
    public void The_start_is_excluded_and_the_end_is_included()
    {
        Assert.Empty(CronSchedule.Between([Hourly], At("2026-01-01T10:00"), At("2026-01-01T10:59:59")));
        Assert.Single(CronSchedule.Between([Hourly], At("2026-01-01T10:00"), At("2026-01-01T11:00")));
        Assert.Empty(CronSchedule.Between([Hourly], At("2026-01-01T11:00"), At("2026-01-01T11:00")));
    }

    [Theory]
    [InlineData(0, "02T00:10")]
    [InlineData(1, "01T02:05")]
    [InlineData(2, "01T02:10")]
    [InlineData(5, "01T03:00")]
    [InlineData(500, "01T03:00")]
    public void A_failed_run_is_repeated_after_growing_delays(int failures, string next) =>
        Assert.Equal(At($"2026-01-{next}"), CronSchedule.AfterRun(Daily, At("2026-01-01T02:00"), failures));

    [Fact]
    public void A_failed_run_is_not_repeated_later_than_the_next_one_is_due() =>
        Assert.Equal(At("2026-01-01T02:05"), CronSchedule.AfterRun(EveryFiveMinutes, At("2026-01-01T02:03"), failures: 3));

    [Fact]
    public void Two_intervals_in_a_row_have_the_same_due_times_as_one() =>
        Prop.ForAll(
            ArbMap.Default.GeneratorFor<(ushort, ushort)>().ToArbitrary(),
            minutes =>
            {
                var start = At("2026-02-27T00:00");
                var middle = start.AddMinutes(minutes.Item1);
                var end = middle.AddMinutes(minutes.Item2);
                JobDefinition[] jobs = [Hourly, Daily];
                return CronSchedule.Between(jobs, start, end).SequenceEqual(CronSchedule.Between(jobs, start, middle).Concat(CronSchedule.Between(jobs, middle, end)));
            }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("2026-01-01T00:10", "2026-01-02T00:09", null)]
    [InlineData("2026-01-01T00:10", "2026-01-02T00:10", "2026-01-02T00:10")]
    [InlineData("2026-01-01T00:10", "2026-03-05T12:00", "2026-03-05T00:10")]
    [InlineData(null, "2026-03-05T12:00", null)]
    public void Missed_runs_are_caught_up_once_at_the_latest_due_time(string? last, string now, string? missed) =>
        Assert.Equal(missed is null ? null : At(missed), CronSchedule.Missed(Daily, last is null ? null : At(last), At(now)));

    [Fact]
    public void Jobs_that_run_at_most_hourly_are_recognised()
    {
        Assert.True(CronSchedule.RunsAtMostHourly(Hourly));
        Assert.True(CronSchedule.RunsAtMostHourly(Daily));
        Assert.True(CronSchedule.RunsAtMostHourly(Job("monthly", "0 0 1 * *")));
        Assert.False(CronSchedule.RunsAtMostHourly(EveryFiveMinutes));
        Assert.False(CronSchedule.RunsAtMostHourly(Job("twice", "0,30 9 * * *")));
    }

    static JobDefinition Job(string name, string cron) => new(new JobSchedule(name, cron, "Does nothing.", DrainsQueue: false), _ => Task.FromResult(JobReport.Of()));

    static DateTimeOffset At(string instant) => DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
