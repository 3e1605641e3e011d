namespace ControlPlane.Tests;

/// <summary>The program and the database share one definition of a billing period.</summary>
[Trait("Category", "Quick")]
public sealed class BillingPeriodProperties : IAsyncLifetime
{
    // Every day of more than four years: all lengths of months and a leap day.
    static readonly DateOnly[] Anchors = [.. Enumerable.Range(0, 1_500).Select(new DateOnly(2023, 12, 1).AddDays)];

    string _connectionString = null!;

    public async Task InitializeAsync() => _connectionString = await TestCluster.NewDatabaseAsync();

    public Task DisposeAsync() => TestCluster.DropAsync(_connectionString);

    [Fact]
    public async Task The_program_and_the_database_put_every_day_into_the_same_period()
    {
        var random = new Random(20261129);
        (DateOnly Anchor, DateOnly Day)[] cases = [.. Anchors.SelectMany(anchor => DaysAround(anchor, random).Select(day => (anchor, day)))];
        var periods = await QueryAsync(
            """
            select c.anchor, c.day, p, control.next_period_start(c.anchor, p)
            from unnest($1::date[], $2::date[]) with ordinality c(anchor, day, ordinal), control.period_start(c.anchor, c.day) p order by c.ordinal
            """,
            row => (Anchor: row.GetFieldValue<DateOnly>(0), Day: row.GetFieldValue<DateOnly>(1), Start: row.GetFieldValue<DateOnly>(2), End: row.GetFieldValue<DateOnly>(3)),
            cases.Select(c => c.Anchor).ToArray(), cases.Select(c => c.Day).ToArray());

        Assert.Equal(cases.Length, periods.Count);
        Assert.All(periods, found =>
        {
            var period = BillingPeriod.Containing(found.Anchor, found.Day);
            Assert.Equal((found.Anchor, found.Day, period.Start, period.End), found);
        });
    }

    [Fact]
    public async Task The_program_and_the_database_number_periods_alike_and_by_the_rule()
    {
        const int Periods = 40;
        var starts = await QueryAsync(
            "select a, n, control.nth_period_start(a, n) from unnest($1::date[]) a, generate_series(1, $2::int) n",
            row => (Anchor: row.GetFieldValue<DateOnly>(0), Number: row.GetInt32(1), Start: row.GetFieldValue<DateOnly>(2)), Anchors, Periods);

        Assert.Equal(Anchors.Length * Periods, starts.Count);
        Assert.All(starts, found =>
        {
            // Counted in months from the anchor's own day, clamped to the month's last day.
            var month = found.Anchor.AddDays(1 - found.Anchor.Day).AddMonths(found.Number - 1);
            var rule = month.AddDays(Math.Min(found.Anchor.Day, DateTime.DaysInMonth(month.Year, month.Month)) - 1);
            Assert.Equal((rule, rule), (found.Start, BillingPeriod.Of(found.Anchor, found.Number).Start));
        });
    }

    /// <summary>Days on both sides of the starts of periods, days before the anchor, and some at random.</summary>
    static IEnumerable<DateOnly> DaysAround(DateOnly anchor, Random random) =>
    [
        anchor.AddDays(-400), anchor.AddDays(-31), anchor.AddDays(-1),
        .. Enumerable.Range(0, 26).Select(anchor.AddMonths).SelectMany(start => (DateOnly[])[start.AddDays(-1), start, start.AddDays(1)]),
        .. Enumerable.Range(0, 8).Select(_ => anchor.AddDays(random.Next(-50, 3_000))),
    ];

    async Task<List<T>> QueryAsync<T>(string sql, Func<Npgsql.NpgsqlDataReader, T> row, object first, object second)
    {
        await using var database = new ControlDatabase(_connectionString);
        await using var transaction = await database.BeginJobAsync(default);
        return await transaction.QueryAsync(sql, row, default, first, second);
    }
}
