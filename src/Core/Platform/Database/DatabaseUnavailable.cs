using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>The database is known to be away, or did not answer in the time there was. The work may be done all the same.</summary>
public class DatabaseUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

public static class DatabaseUnavailable
{
    static readonly string[] AwayClasses = ["28", "53", "57P", "58"];

    /// <summary>The database did not answer, or could not do so now. Never a reason to say yes, and never one to lose what was sent.</summary>
    public static bool IsDatabaseUnavailable(this Exception e) => e switch
    {
        // 28: it does not let us in. 53: out of resources (connections, disk). 57P: being shut down or started. 57014: the statement took
        // longer than the server allows. 58: the file system fails.
        PostgresException p => p.IsTransient || p.SqlState == PostgresErrorCodes.QueryCanceled
            || AwayClasses.Any(start => p.SqlState.StartsWith(start, StringComparison.Ordinal)),
        NpgsqlException => true,
        TimeoutException => true,
        DatabaseUnavailableException => true,
        _ => false,
    };
}
