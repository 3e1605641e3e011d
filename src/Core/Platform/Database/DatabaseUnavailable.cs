using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>The database is known to be unavailable, or did not answer in time. The work may have been committed all the same.</summary>
public class DatabaseUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

public static class DatabaseUnavailable
{
    static readonly string[] SqlStateClasses = ["28", "53", "57P", "58"];

    /// <summary>Whether the database did not answer, or cannot do so now. Never a reason to allow a call, nor to lose what was sent.</summary>
    public static bool IsDatabaseUnavailable(this Exception e) => e switch
    {
        // 53400: a limit of this statement, such as temp_file_limit. Others run.
        PostgresException { SqlState: PostgresErrorCodes.ConfigurationLimitExceeded } => false,
        // 28: it refuses the login. 53: out of resources (connections, disk). 57P: shutting down or starting. 57014: the statement exceeded the
        // server's time limit. 25P03: this process was so slow that the server ended its transaction. 58: the file system fails.
        PostgresException p => p.IsTransient || p.SqlState is PostgresErrorCodes.QueryCanceled or "25P03"
            || SqlStateClasses.Any(start => p.SqlState.StartsWith(start, StringComparison.Ordinal)),
        NpgsqlException => true,
        // The connection broke, and its transaction was rolled back: https://github.com/npgsql/npgsql/issues/6391.
        { Source: "Npgsql" } when e.Message.StartsWith("Received unexpected backend message", StringComparison.Ordinal) => true,
        TimeoutException => true,
        DatabaseUnavailableException => true,
        _ => false,
    };
}
