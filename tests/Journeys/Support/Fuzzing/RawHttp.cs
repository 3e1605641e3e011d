using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Sends bytes that no HTTP client would send.</summary>
static class RawHttp
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    static readonly TimeSpan IdleDelay = TimeSpan.FromMilliseconds(400);

    /// <summary>Sends the request, and ends the stream when the server waits for more.</summary>
    /// <param name="request">Latin-1, one byte per character.</param>
    /// <returns>The status and the start of the response; 0 when the connection was closed without one.</returns>
    public static async Task<(int Status, string Response)> SendAsync(int port, string request)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        using var client = new TcpClient();
        await client.ConnectAsync("localhost", port, timeout.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), timeout.Token);
        var buffer = new byte[64 * 1024];
        var reading = stream.ReadAsync(buffer, timeout.Token).AsTask();
        if (await Task.WhenAny(reading, Task.Delay(IdleDelay, timeout.Token)) != reading)
        {
            client.Client.Shutdown(SocketShutdown.Send);
        }

        try
        {
            var response = Encoding.Latin1.GetString(buffer, 0, await reading);
            return (response.Length < 12 ? 0 : int.Parse(response.AsSpan(9, 3), CultureInfo.InvariantCulture), response);
        }
        catch (IOException)
        {
            return (0, "");
        }
    }
}
