namespace ControlPlane.Tests.Provisioning;

public class TrialEndTests
{
    static readonly DateTimeOffset End = new(2026, 3, 15, 9, 30, 0, TimeSpan.Zero);
    static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    [Fact]
    public void A_job_that_runs_every_hour_begins_each_stage_on_its_day()
    {
        var begun = RunHourly(new TrialEnd(TrialStage.Running, null, End), End.AddDays(-14), Retention);
        Assert.Equal(
            [(TrialStage.Reminded, -3), (TrialStage.Ended, 0), (TrialStage.Stopped, 3), (TrialStage.Warned, 23), (TrialStage.Deleted, 30)], begun);
    }

    [Fact]
    public void A_late_job_leaves_out_the_reminder_and_shortens_neither_grace_nor_notice()
    {
        var begun = RunHourly(new TrialEnd(TrialStage.Running, null, End), End.AddDays(100), Retention);
        Assert.Equal([(TrialStage.Ended, 100), (TrialStage.Stopped, 103), (TrialStage.Warned, 103), (TrialStage.Deleted, 110)], begun);
    }

    [Fact]
    public void The_day_that_an_email_names_is_never_brought_forward()
    {
        Assert.All([10, 30, 90], days =>
        {
            var retention = TimeSpan.FromDays(days);
            var (end, named) = (new TrialEnd(TrialStage.Running, null, End), DateTimeOffset.MinValue);
            for (var now = End.AddDays(-14); ; now = now.AddHours(1))
            {
                if (end.Next(now, retention) is { } next)
                {
                    Assert.True(next != TrialStage.Deleted || now >= named);
                    if (next == TrialStage.Deleted)
                    {
                        return;
                    }

                    end = end with { Stage = next, Since = now };
                    Assert.True(end.DeletesAt(retention) >= named);
                    named = end.DeletesAt(retention)!.Value;
                }
            }
        });
    }

    [Theory]
    [InlineData(TrialStage.Reminded), InlineData(TrialStage.Ended), InlineData(TrialStage.Stopped), InlineData(TrialStage.Warned)]
    public void A_tenant_that_pays_or_has_more_time_continues(TrialStage stage)
    {
        var now = End.AddDays(40);
        Assert.Equal(TrialStage.Running, new TrialEnd(stage, End, EndsAt: null).Next(now, Retention));
        Assert.Equal(TrialStage.Running, new TrialEnd(stage, End, now.AddDays(5)).Next(now, Retention));
        Assert.Null(new TrialEnd(TrialStage.Running, null, EndsAt: null).Next(now, Retention));
        Assert.Null(new TrialEnd(TrialStage.Running, null, now.AddDays(5)).Next(now, Retention));
    }

    /// <returns>Each stage with the whole days from the trial's end until it began.</returns>
    static List<(TrialStage Stage, int Day)> RunHourly(TrialEnd end, DateTimeOffset from, TimeSpan retention)
    {
        var begun = new List<(TrialStage, int)>();
        for (var now = from; end.Stage != TrialStage.Deleted; now = now.AddHours(1))
        {
            // A job runs again a minute later; several stages may begin in the same hour.
            while (end.Next(now, retention) is { } next)
            {
                begun.Add((next, (int)Math.Floor((now - End).TotalDays)));
                end = end with { Stage = next, Since = now };
            }
        }

        return begun;
    }
}
