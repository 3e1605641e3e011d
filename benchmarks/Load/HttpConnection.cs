using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ControlPlane.Benchmarks.Load;

/// <summary>
/// One keep-alive HTTP/1.1 connection that sends prepared bytes: on two cores a full HTTP client would use more CPU than the server it measures.
/// </summary>
sealed class HttpConnection : IDisposable
{
    readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    readonly byte[] _buffer = new byte[64 * 1024];
    int _filled;

    public static async Task<HttpConnection> OpenAsync(int port, CancellationToken ct)
    {
        var connection = new HttpConnection();
        await connection._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), ct);
        return connection;
    }

    /// <summary>A request whose body can be changed in place.</summary>
    public static byte[] Request(string method, string path, string? key, ReadOnlySpan<byte> body, string type = "application/json")
    {
        var head = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        if (key is not null)
        {
            head.Append(CultureInfo.InvariantCulture, $"Authorization: Bearer {key}\r\n");
        }

        if (method != "GET")
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Type: {type}\r\nContent-Length: {body.Length}\r\n");
        }

        return [.. Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), .. body];
    }

    /// <returns>The response with head and body; valid until the next call.</returns>
    /// <exception cref="InvalidDataException">The response is not 200, or exceeds the buffer.</exception>
    public async Task<ReadOnlyMemory<byte>> SendAsync(ReadOnlyMemory<byte> request, CancellationToken ct)
    {
        while (request.Length > 0)
        {
            request = request[await _socket.SendAsync(request, SocketFlags.None, ct)..];
        }

        _filled = 0;
        int? end;
        while ((end = FindEnd(_buffer.AsSpan(0, _filled))) is null)
        {
            var read = await _socket.ReceiveAsync(_buffer.AsMemory(_filled), SocketFlags.None, ct);
            if (read == 0)
            {
                throw new InvalidDataException($"The server closed the connection after {Encoding.UTF8.GetString(_buffer, 0, _filled)}");
            }

            _filled += read;
        }

        return _buffer.AsSpan().StartsWith("HTTP/1.1 200 "u8)
            ? _buffer.AsMemory(0, end.Value)
            : throw new InvalidDataException(Encoding.UTF8.GetString(_buffer, 0, _filled));
    }

    public void Dispose() => _socket.Dispose();

    // The end of the response; null when it is incomplete. Kestrel sends a length or chunks.
    static int? FindEnd(ReadOnlySpan<byte> response)
    {
        var head = response.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return null;
        }

        var length = response[..head].IndexOf("Content-Length: "u8);
        if (length < 0)
        {
            return response.EndsWith("0\r\n\r\n"u8) ? response.Length : null;
        }

        _ = System.Buffers.Text.Utf8Parser.TryParse(response[(length + "Content-Length: ".Length)..], out int bytes, out _);
        return response.Length >= head + 4 + bytes ? head + 4 + bytes : null;
    }
}
