using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

public class SandboxClockTests
{
    static readonly DateTimeOffset NewYear = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Time_only_moves_forward()
    {
        await using var server = await TestServer.StartAsync(clock: NewYear);
        Assert.Equal(NewYear.AddDays(1), (await server.MoveClockAsync(NewYear.AddDays(1))).GetProperty("now").GetDateTimeOffset());
        var back = await server.Operator.PostAsJsonAsync("/v1/sandbox/clock", new { now = NewYear });
        Assert.Equal(HttpStatusCode.Conflict, back.StatusCode);
        Assert.Equal(NewYear.AddDays(1), server.Clock.GetUtcNow());
    }

    [Fact]
    public async Task Due_jobs_run_in_order_at_their_due_times()
    {
        await using var server = await TestServer.StartAsync(clock: NewYear);
        var moved = await server.MoveClockAsync(NewYear.AddDays(2));
        var ran = moved.GetProperty("ran").EnumerateArray().Select(run => (Job: run.GetProperty("job").GetString(), At: run.GetProperty("at").GetDateTimeOffset())).ToList();
        Assert.Equal(ran.OrderBy(run => run.At), ran);
        Assert.Equal([NewYear.AddMinutes(10), NewYear.AddDays(1).AddMinutes(10)], ran.Where(run => run.Job == "nightly").Select(run => run.At));
        Assert.All(moved.GetProperty("ran").EnumerateArray(), run => Assert.Equal("succeeded", run.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task Two_months_pass_within_a_minute_on_a_busy_machine()
    {
        await using var server = await TestServer.StartAsync(clock: NewYear);
        var started = Stopwatch.GetTimestamp();
        var moved = await server.MoveClockAsync(NewYear.AddMonths(2));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(60));
        Assert.True(moved.GetProperty("ran").GetArrayLength() >= 59);
    }

    [Fact]
    public async Task Concurrent_moves_run_every_due_job_once()
    {
        await using var server = await TestServer.StartAsync(clock: NewYear);
        var moves = await Task.WhenAll(Enumerable.Range(1, 4).Select(_ => server.MoveClockAsync(NewYear.AddDays(3))));
        var nightly = moves.SelectMany(move => move.GetProperty("ran").EnumerateArray()).Where(run => run.GetProperty("job").GetString() == "nightly");
        Assert.Equal(3, nightly.Count());
    }

    [Fact]
    public async Task A_request_without_a_valid_instant_returns_400()
    {
        await using var server = await TestServer.StartAsync(clock: NewYear);
        foreach (var body in new object[] { new { }, new { now = (string?)null }, new { now = "9999-01-01T00:00:00Z" }, new { now = "soon" } })
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await server.Operator.PostAsJsonAsync("/v1/sandbox/clock", body)).StatusCode);
        }

        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Anonymous.PostAsJsonAsync("/v1/sandbox/clock", new { now = NewYear })).StatusCode);
    }

    [Fact]
    public async Task Without_the_sandbox_there_is_no_clock_to_move()
    {
        await using var server = await TestServer.StartAsync(sandbox: false);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Operator.PostAsJsonAsync("/v1/sandbox/clock", new { now = NewYear })).StatusCode);
    }
}
