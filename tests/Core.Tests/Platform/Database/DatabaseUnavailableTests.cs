using Npgsql;

namespace ControlPlane.Tests.Platform.Database;

public class DatabaseUnavailableTests
{
    [Theory]
    [InlineData("53300", true)] // too_many_connections
    [InlineData("53100", true)] // disk_full
    [InlineData("57P03", true)] // cannot_connect_now
    [InlineData("57P01", true)] // admin_shutdown
    [InlineData("57014", true)] // query_canceled: statement_timeout
    [InlineData("25P03", true)] // idle_in_transaction_session_timeout
    [InlineData("58030", true)] // io_error
    [InlineData("28P01", true)] // invalid_password
    [InlineData("40P01", true)] // deadlock_detected
    [InlineData("53400", false)] // configuration_limit_exceeded: temp_file_limit
    [InlineData("23505", false)] // unique_violation
    [InlineData("22021", false)] // character_not_in_repertoire
    [InlineData("42P01", false)] // undefined_table
    public void SQLSTATE_tells_whether_the_database_is_unavailable(string sqlState, bool unavailable) =>
        Assert.Equal(unavailable, new PostgresException("message", "ERROR", "ERROR", sqlState).IsDatabaseUnavailable());

    [Fact]
    public void Connection_failures_and_timeouts_are_unavailability_and_bugs_are_not()
    {
        Exception[] unavailable = [new NpgsqlException(), new TimeoutException(), new DatabaseUnavailableException("unavailable"), new OverflowFullException("full")];
        Exception[] other = [new InvalidOperationException(), new OperationCanceledException(), new IOException()];
        Assert.All(unavailable, e => Assert.True(e.IsDatabaseUnavailable()));
        Assert.All(other, e => Assert.False(e.IsDatabaseUnavailable()));
    }
}
