using System.Net.Sockets;
using Npgsql;

namespace ControlPlane.Local;

/// <summary>Something on this machine keeps the program from running. The message is one line for the person at the terminal.</summary>
public sealed class CannotStartException(string message) : Exception(message)
{
    /// <summary>The one line for a failure that a person can do something about; null for a bug, which deserves its stack trace.</summary>
    public static string? Explain(Exception e) => e switch
    {
        CannotStartException or SettingException or DemoFailureException => e.Message,
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "The database's disk is full: free some space and start again.",
        PostgresException p => $"The database refuses: {p.MessageText} ({p.SqlState}).",
        NpgsqlException or TimeoutException =>
            $"The database does not answer: {OneLine(e.InnerException?.Message ?? e.Message)}. Check --database or CONTROLPLANE_DATABASE.",
        IOException or UnauthorizedAccessException => OneLine(SocketReason(e) ?? e.Message) + ".",
        AggregateException { InnerException: { } inner } => Explain(inner),
        _ => null,
    };

    /// <summary>Why the server could not listen on its port; null when that was not the trouble.</summary>
    static string? SocketReason(Exception e) => e switch
    {
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => "The port is taken: stop what listens there, or choose another with --port",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "This user may not listen on that port: choose one above 1023 with --port",
        SocketException socket => $"Cannot listen there: {socket.Message}",
        { InnerException: { } inner } => SocketReason(inner),
        _ => null,
    };

    static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
