using System.Globalization;

namespace ControlPlane.Tests.Provisioning;

/// <summary>What follows from measurements of an environment's storage. The plan includes 100 GiB, so percent and GiB are the same.</summary>
public class EnvironmentStorageTests
{
    const long Gib = 1L << 30;
    static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    // The threshold that the owner has been told of after each measurement.
    [InlineData("79 80 81 79 71 80", "0 80 80 80 80 80")]
    [InlineData("80 69 80", "80 0 80")]
    [InlineData("101 100 96 101", "100 100 100 100")]
    [InlineData("101 94 101", "100 80 100")]
    [InlineData("120 10 85", "100 0 80")]
    public void A_threshold_is_announced_once_until_usage_has_been_well_below_it(string measured, string announced) =>
        Assert.Equal(announced, string.Join(' ', Measure(measured.Split(' ').Select(gib => long.Parse(gib, CultureInfo.InvariantCulture))).Select(storage => storage.Announced)));

    [Fact]
    public void Beyond_the_plan_it_runs_for_24_hours_and_is_then_stopped_until_it_fits()
    {
        var full = New().Measured(101 * Gib, 100 * Gib, Start, isDiskLow: false);
        Assert.Equal((Start.AddHours(24), null), (full.GraceUntil, full.StoppedAt));

        var later = full.Measured(110 * Gib, 100 * Gib, Start.AddHours(23), isDiskLow: false);
        Assert.Equal((Start.AddHours(24), null), (later.GraceUntil, later.StoppedAt));

        var stopped = later.Measured(110 * Gib, 100 * Gib, Start.AddHours(24), isDiskLow: false);
        Assert.Equal(Start.AddHours(24), stopped.StoppedAt);
        Assert.Equal(stopped.StoppedAt, stopped.Measured(110 * Gib, 100 * Gib, Start.AddDays(9), isDiskLow: false).StoppedAt);

        // A larger plan.
        var fits = stopped.Measured(110 * Gib, 200 * Gib, Start.AddDays(9), isDiskLow: false);
        Assert.Equal((null, null), (fits.StoppedAt, fits.GraceUntil));
    }

    [Theory]
    [InlineData(125, false, false)]
    [InlineData(126, false, true)]
    [InlineData(101, true, true)]
    [InlineData(99, true, false)]
    public void It_is_stopped_at_once_when_it_grows_by_more_than_a_quarter_or_the_disk_is_low(int gib, bool isDiskLow, bool stopped) =>
        Assert.Equal(stopped, New().Measured(gib * Gib, 100 * Gib, Start, isDiskLow).StoppedAt is not null);

    [Theory]
    // From the 24 hours before, or without any.
    [InlineData(190)]
    [InlineData(210)]
    public void When_its_allowance_falls_it_has_24_hours_from_what_it_stores(int gib)
    {
        var former = New(200).Measured(gib * Gib, 200 * Gib, Start.AddHours(-20), isDiskLow: false);
        var over = former.Measured(gib * Gib, 100 * Gib, Start, isDiskLow: false);
        Assert.Equal((Start.AddHours(24), null), (over.GraceUntil, over.StoppedAt));
        Assert.Null(over.Measured((gib + 25) * Gib, 100 * Gib, Start.AddHours(23), isDiskLow: false).StoppedAt);
        Assert.NotNull(over.Measured((gib + 26) * Gib, 100 * Gib, Start.AddHours(1), isDiskLow: false).StoppedAt);
        Assert.NotNull(over.Measured(gib * Gib, 100 * Gib, Start.AddHours(24), isDiskLow: false).StoppedAt);
        Assert.NotNull(former.Measured(gib * Gib, 100 * Gib, Start, isDiskLow: true).StoppedAt);
    }

    [Fact]
    public void An_environment_that_is_stopped_stays_so_when_its_allowance_falls() =>
        Assert.Equal(Start, New().Measured(130 * Gib, 100 * Gib, Start, isDiskLow: false).Measured(130 * Gib, 50 * Gib, Start.AddHours(1), isDiskLow: false).StoppedAt);

    [Fact]
    public void While_it_is_suspended_no_time_passes_and_a_lower_allowance_counts_from_what_it_stores()
    {
        var full = New().Measured(110 * Gib, 100 * Gib, Start, isDiskLow: false);
        var paid = full.MeasuredWhileSuspended(110 * Gib, 100 * Gib, Start.AddDays(20)).Measured(110 * Gib, 100 * Gib, Start.AddDays(30), isDiskLow: false);
        Assert.Equal((Start.AddDays(31), null), (paid.GraceUntil, paid.StoppedAt));

        var suspended = New(200).MeasuredWhileSuspended(190 * Gib, 100 * Gib, Start);
        suspended = suspended.MeasuredWhileSuspended(190 * Gib, 100 * Gib, Start.AddDays(30));
        Assert.Equal((null, null), (suspended.GraceUntil, suspended.StoppedAt));
        var resumed = suspended.Measured(190 * Gib, 100 * Gib, Start.AddDays(40), isDiskLow: false);
        Assert.Equal((Start.AddDays(41), null), (resumed.GraceUntil, resumed.StoppedAt));
    }

    [Fact]
    public void Without_a_measurement_the_rules_apply_to_the_last_figure()
    {
        var full = New().Measured(110 * Gib, 100 * Gib, Start, isDiskLow: false);
        Assert.Null(full.NotMeasured(100 * Gib, Start.AddHours(23), isDiskLow: false, isSuspect: true).StoppedAt);
        var ended = full.NotMeasured(100 * Gib, Start.AddHours(24), isDiskLow: false, isSuspect: true);
        Assert.Equal((Start, Start.AddHours(24)), (ended.MeasuredAt, ended.StoppedAt));
        Assert.NotNull(full.NotMeasured(100 * Gib, Start.AddMinutes(5), isDiskLow: true, isSuspect: true).StoppedAt);
        Assert.NotNull(full.NotMeasured(80 * Gib, Start.AddHours(1), isDiskLow: true, isSuspect: true).StoppedAt);
    }

    [Theory]
    [InlineData(59, true, false)]
    [InlineData(60, true, true)]
    [InlineData(600, false, false)]
    public void One_that_fits_and_was_not_measured_for_an_hour_is_stopped_while_the_disk_is_low(int minutes, bool isDiskLow, bool stopped)
    {
        var fits = New().Measured(10 * Gib, 100 * Gib, Start, isDiskLow: false);
        var after = fits.NotMeasured(100 * Gib, Start.AddMinutes(minutes), isDiskLow, isSuspect: true);
        Assert.Equal((Start, stopped), (after.MeasuredAt, after.StoppedAt is not null));
        Assert.Null(after.NotMeasured(100 * Gib, Start.AddHours(11), isDiskLow: false, isSuspect: true).StoppedAt);
        Assert.Null(after.Measured(10 * Gib, 100 * Gib, Start.AddHours(11), isDiskLow: true).StoppedAt);
        Assert.NotNull(after.Measured(101 * Gib, 100 * Gib, Start.AddHours(11), isDiskLow: true).StoppedAt);
    }

    [Fact]
    public void Time_to_clean_up_counts_from_what_it_stores_and_ends_after_24_hours()
    {
        var stopped = New().Measured(300 * Gib, 100 * Gib, Start, isDiskLow: false);
        var allowed = stopped.Allowed(Start.AddDays(3));
        Assert.Null(allowed.StoppedAt);

        Assert.Null(allowed.Measured(320 * Gib, 100 * Gib, Start.AddDays(3.9), isDiskLow: false).StoppedAt);
        Assert.NotNull(allowed.Measured(326 * Gib, 100 * Gib, Start.AddDays(3.1), isDiskLow: false).StoppedAt);
        Assert.NotNull(allowed.Measured(290 * Gib, 100 * Gib, Start.AddDays(4), isDiskLow: false).StoppedAt);
        Assert.Null(allowed.Measured(90 * Gib, 100 * Gib, Start.AddDays(4), isDiskLow: false).StoppedAt);
    }

    [Fact]
    public void Deleting_a_little_does_not_start_the_24_hours_again()
    {
        var full = New().Measured(101 * Gib, 100 * Gib, Start, isDiskLow: false);
        var below = full.Measured(96 * Gib, 100 * Gib, Start.AddHours(12), isDiskLow: false);
        Assert.Equal(full.GraceUntil, below.Measured(101 * Gib, 100 * Gib, Start.AddHours(13), isDiskLow: false).GraceUntil);
        Assert.Null(below.Measured(94 * Gib, 100 * Gib, Start.AddHours(13), isDiskLow: false).GraceUntil);
    }

    static EnvironmentStorage New(int allowedGib = 100) => new(0, allowedGib * Gib, Start);

    static List<EnvironmentStorage> Measure(IEnumerable<long> gibibytes)
    {
        var (storage, measured) = (New(), new List<EnvironmentStorage>());
        foreach (var gib in gibibytes)
        {
            measured.Add(storage = storage.Measured(gib * Gib, 100 * Gib, Start, isDiskLow: false));
        }

        return measured;
    }
}
