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
    [InlineData("58030", true)] // io_error
    [InlineData("28P01", true)] // invalid_password
    [InlineData("40P01", true)] // deadlock_detected
    [InlineData("23505", false)] // unique_violation
    [InlineData("22021", false)] // character_not_in_repertoire
    [InlineData("42P01", false)] // undefined_table
    public void What_the_server_says_tells_whether_it_is_away(string sqlState, bool away) =>
        Assert.Equal(away, new PostgresException("message", "ERROR", "ERROR", sqlState).IsDatabaseUnavailable());

    [Fact]
    public void No_answer_is_away_and_a_bug_is_not()
    {
        Exception[] away = [new NpgsqlException(), new TimeoutException(), new DatabaseUnavailableException("away"), new OverflowFullException("full")];
        Exception[] other = [new InvalidOperationException(), new OperationCanceledException(), new IOException()];
        Assert.All(away, e => Assert.True(e.IsDatabaseUnavailable()));
        Assert.All(other, e => Assert.False(e.IsDatabaseUnavailable()));
    }
}
