using System.Net.Sockets;
using Npgsql;

namespace ControlPlane.Local;

/// <summary>The command cannot continue. The message is one line for the person at the terminal.</summary>
public sealed class CommandFailedException(string message) : Exception(message)
{
    /// <summary>One line for a failure that a person can fix; null for a bug, which deserves its stack trace.</summary>
    public static string? Explain(Exception e) => e switch
    {
        CommandFailedException or SettingException => e.Message,
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "The database's disk is full: free some space and start again.",
        PostgresException p => $"The database rejected the request: {p.MessageText} ({p.SqlState}).",
        NpgsqlException or TimeoutException =>
            $"The database is unavailable: {OneLine(e.InnerException?.Message ?? e.Message)}. Check --database or CONTROLPLANE_DATABASE.",
        IOException or UnauthorizedAccessException => OneLine(SocketReason(e) ?? e.Message) + ".",
        AggregateException { InnerException: { } inner } => Explain(inner),
        _ => null,
    };

    /// <summary>Why the server could not listen on its port; null for any other cause.</summary>
    static string? SocketReason(Exception e) => e switch
    {
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => "The port is in use: stop the process that uses it, or choose another port with --port",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "This user may not listen on that port: choose one above 1023 with --port",
        SocketException socket => $"Cannot listen on that port: {socket.Message}",
        { InnerException: { } inner } => SocketReason(inner),
        _ => null,
    };

    static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
