using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ControlPlane.Tests.Platform;

public class JobPartsTests
{
    static readonly Guid Tenant = Guid.Parse("01890000-0000-7000-8000-000000000001");

    readonly JobParts _parts = new(JobSchedules.Nightly, NullLogger.Instance);

    public static TheoryData<string> Failures => [.. Exceptions.Keys];

    static readonly Dictionary<string, Func<Exception>> Exceptions = new()
    {
        ["a statement that the server ended"] = () => new PostgresException("canceling statement due to statement timeout", "ERROR", "ERROR", PostgresErrorCodes.QueryCanceled),
        ["a lock"] = () => new PostgresException("canceling statement due to lock timeout", "ERROR", "ERROR", PostgresErrorCodes.LockNotAvailable),
        ["a server that did not answer in time"] = () => new NpgsqlException("Exception while reading from stream", new TimeoutException("Timeout during reading attempt")),
        ["a full pool"] = () => new TimeoutException("The operation has timed out."),
        ["a statement that needs more than one may"] = () => new PostgresException("temporary file size exceeds temp_file_limit", "ERROR", "ERROR", PostgresErrorCodes.ConfigurationLimitExceeded),
        ["a bug"] = () => new InvalidOperationException("Plan has no terms."),
        ["a cancelled request to another service"] = () => new TaskCanceledException("A task was canceled."),
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_part_that_fails_keeps_no_other_from_being_done(string failure)
    {
        var done = 0;
        Assert.False(await _parts.TryAsync("close the billing period", Tenant, () => throw Exceptions[failure](), default));
        Assert.True(await _parts.TryAsync("close the billing period", Tenant, () => Task.FromResult(done++), default));
        Assert.Equal(1, done);
        Assert.StartsWith($"Could not close the billing period of tenant {Tenant}: ", Assert.Single(_parts.Failures), StringComparison.Ordinal);
    }

    public static TheoryData<string> Outages => ["refused", "57P01", "57P03", "53300"];

    [Theory]
    [MemberData(nameof(Outages))]
    public async Task While_the_database_is_unavailable_the_run_ends(string reason)
    {
        var tried = 0;
        await Assert.ThrowsAnyAsync<NpgsqlException>(async () =>
        {
            for (; tried < 100; tried++)
            {
                await _parts.TryAsync(
                    "expire reservations", Tenant, () => throw (reason == "refused" ? new NpgsqlException("Failed to connect") : new PostgresException("m", "FATAL", "FATAL", reason)), default);
            }
        });
        Assert.Equal(2, tried);
    }

    [Fact]
    public async Task Connections_that_break_now_and_then_do_not_end_the_run()
    {
        for (var part = 0; part < 20; part++)
        {
            await _parts.TryAsync("expire reservations", Tenant, () => part % 3 == 0 ? Task.CompletedTask : throw new NpgsqlException("Connection reset"), default);
        }

        Assert.Equal(13, _parts.Failures.Count);
    }

    [Fact]
    public async Task Shutdown_is_not_a_failure()
    {
        using var shutdown = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _parts.TryAsync("expire reservations", Tenant, async () =>
        {
            await shutdown.CancelAsync();
            shutdown.Token.ThrowIfCancellationRequested();
        }, shutdown.Token));
        Assert.Empty(_parts.Failures);
    }

    [Fact]
    public void Jobs_that_drain_a_queue_are_due_every_minute() =>
        Assert.All(JobSchedules.All.Where(job => job.DrainsQueue), job => Assert.Equal("* * * * *", job.Cron));
}
